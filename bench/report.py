"""The results as Markdown."""

import statistics
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from peers import FILE, FILL_ONLY, ICEORYX, OURS, STDLIB, TRACKED, WARM
from rounds import COLD, GIB, HOT, KIB, MIB

Row = dict[str, Any]

MILLISECOND = 1e-3
MAX_PRIVATE = 64 * MIB
# What one pass, or one write, may cost above the thing itself.
PASS_ALLOWANCE = 1.15
# Opening is to be independent of the size.
SIZE_ALLOWANCE = 1.5
# Compressed data may be so much of the size that the better of blosc2's filters makes of it.
COMPRESSION_ALLOWANCE = 0.95
# A thread that has a core of the machine for itself gets further than this; one that is stopped, nowhere.
MIN_PROGRESS = 0.5
SMALL, MIDDLE, LARGE = 4 * KIB, 64 * MIB, GIB

INTRODUCTION = """\
# Benchmarks

Printed by `make bench`; do not edit. Every figure is the median of its rounds with the quartiles in brackets; the
methods take turns within one run, and *ratio* is a method's median by that of dcc-mcp-shm in the same table, so above 1
is slower. Payloads are checked by checksum. *Hot*: the same method ran just before, and its memory is free now.
*Cold*: the machine was idle for {idle:.0f} s before; a virtual machine gives free memory back to its host meanwhile,
and the first use after that is slow.
"""

NOTES = {
    "opening": """\
## 1. From a descriptor to a view

Another process made the data. Time from the descriptor to the first byte. `SharedMemory` runs without the resource
tracker, as with `track=False` in Python 3.13; *tracked* is what 3.11 and 3.12 do, but for undoing it at the end. The
file is mapped by `numpy.memmap`. dcc-mcp-core has no views, so it copies; its scenes above 256 MiB do not open in
another process.""",
    "writing": """\
## 2. Writing new data

Bytes that a process has, until another one can open them: one call of `SharedSceneBuffer.write`, `os.write` to a new
file in tmpfs, `SharedMemory` made and copied into, `PySharedSceneBuffer.write` of dcc-mcp-core.""",
    "filling": """\
## 3. Filling in place

`SharedSceneBuffer.writer`, `numpy.copyto` into it, and sealing; *the copy alone* is the pass without making and
sealing the scene; *copy into warm memory* is `numpy.copyto` into memory that the process had before: the limit.""",
    "private": """\
## 4. Private memory for 1 GiB

What one process needs at worst above its baseline (for `write`, the baseline includes the data it has), sampled every
millisecond from RssAnon. High water is the kernel's VmHWM less the shared memory that is mapped.""",
    "threads": """\
## 5. Other Python threads meanwhile

A thread that counts, while 1 GiB is moved: its progress by its progress when nothing else runs. 0 means that it stood
still, 1 that it did not notice.""",
    "compressing": """\
## 6. Compressed scenes

Generated data of 32 to 64 MiB, written with `use_compression=True` and read whole; beside it blosc2 (`SChunk` in a
tmpfs file) with LZ4 and the filter it is told, where ours chooses by a sample. On one processor and on two.""",
    "messages": """\
## 7. One way

From bytes in one process to the first byte of them in another that sleeps until then: `SharedBuffer.write` and
`SharedBuffer.wait`; iceoryx2 with a sample of its pool, and its event service to wait with.""",
}


def size_text(size: int) -> str:
    """`64 MiB` and the like."""
    unit, name = next((u, n) for u, n in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"), (1, "B")) if size >= u)
    return f"{size // unit} {name}"


def time_text(seconds: list[float]) -> str:
    """Median and quartiles, in µs or ms."""
    low, middle, high = quartiles(seconds)
    scale, unit = (1e6, "µs") if middle < MILLISECOND else (1e3, "ms")
    return f"{_number(middle * scale)} {unit} ({_number(low * scale)}-{_number(high * scale)})"


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """First quartile, median, third quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 (three digits)


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; all but the first column are right-aligned."""
    names = list(header)
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def median(rows: list[Row], size: int, method: str, condition: str) -> float:
    """Median seconds of one method."""
    found = (r for r in rows if (r["size"], r["method"], r["condition"]) == (size, method, condition))
    seconds: list[float] = next(found)["seconds"]
    return statistics.median(seconds)


def timed_table(rows: list[Row]) -> str:
    """Sections 1 to 3."""
    lines = []
    for row in rows:
        ours = median(rows, row["size"], OURS, row["condition"])
        where = ", ".join(filter(None, (size_text(row["size"]), row["condition"])))
        ratio = statistics.median(row["seconds"]) / ours
        method = f"**{row['method']}**" if row["method"] == OURS else row["method"]
        lines.append([where, method, time_text(row["seconds"]), f"{ratio:.2f}", str(len(row["seconds"]))])
    return table(["size", "method", "time", "ratio", "rounds"], lines)


def private_table(rows: list[Row]) -> str:
    """Section 4."""
    lines = (
        [row["path"], row["side"], f"{row['private'] / MIB:.1f} MiB", f"{row['high_water'] / MIB:.1f} MiB"]
        for row in rows
    )
    return table(["path", "side", "private, sampled", "high water"], lines)


def threads_table(rows: list[Row]) -> str:
    """Section 5."""
    lines = []
    for row in rows:
        low, middle, high = quartiles(row["ratios"])
        lines.append([row["method"], f"{middle:.2f} ({low:.2f}-{high:.2f})"])
    return table(["meanwhile", "progress"], lines)


def compressing_table(rows: list[Row]) -> str:
    """Section 6."""
    lines = []
    for row in rows:
        method = f"**{row['method']}**" if row["method"] == OURS else row["method"]
        speeds = (f"{row['bytes'] / statistics.median(row[way]) / 1e9:.2f} GB/s" for way in ("writing", "reading"))
        lines.append([row["data"], method, str(row["threads"]), f"{row['bytes'] / row['stored']:.2f}", *speeds])
    return table(["data", "method", "processors", "ratio", "write", "read"], lines)


def section_table(name: str, rows: list[Row]) -> str:
    """The results of one section."""
    tables = {"private": private_table, "threads": threads_table, "compressing": compressing_table}
    return tables.get(name, timed_table)(rows)


def requirement(what: str, limit: str, found: str, *, met: bool) -> list[str]:
    """A line of :func:`required_table`."""
    return [what, limit, found, "yes" if met else "**no**"]


def required_times(results: Mapping[str, list[Row]]) -> Iterator[list[str]]:
    """What is asked of speed: a ratio to something else, and its limit."""
    opening, writing, filling = results["opening"], results["writing"], results["filling"]

    def ratio(what: str, ours: float, by: float, limit: float) -> list[str]:
        """One requirement."""
        return requirement(what, f"<= {limit}", f"{ours / by:.2f}", met=ours / by <= limit)

    for size in (SMALL, LARGE):
        for peer in (STDLIB, TRACKED, WARM):
            found = median(opening, size, OURS, ""), median(opening, size, peer, "")
            yield ratio(f"open a view of {size_text(size)}, by {peer}", *found, 1)
    found = median(opening, LARGE, OURS, ""), median(opening, SMALL, OURS, "")
    yield ratio("open a view of 1 GiB, by one of 4 KiB", *found, SIZE_ALLOWANCE)
    for condition in (HOT, COLD):
        found = median(writing, MIDDLE, OURS, condition), median(writing, MIDDLE, FILE, condition)
        yield ratio(f"write 64 MiB, {condition}, by `os.write`", *found, PASS_ALLOWANCE)
    for size in (MIDDLE, LARGE):
        found = median(filling, size, FILL_ONLY, HOT), median(filling, size, WARM, HOT)
        yield ratio(f"fill {size_text(size)} in place, by one pass", *found, PASS_ALLOWANCE)


def required_compression(rows: list[Row]) -> Iterator[list[str]]:
    """What is asked of compression: the better one of blosc2's filters, less a little."""
    for data, threads in dict.fromkeys((row["data"], row["threads"]) for row in rows):
        same = [row for row in rows if (row["data"], row["threads"]) == (data, threads)]
        ours, peers = same[0], same[1:]
        best = min(peers, key=lambda row: row["stored"])
        if threads == 1:
            size = best["stored"] / ours["stored"]
            what = f"compressed size of {data}, {best['method']} by ours"
            yield requirement(what, f">= {COMPRESSION_ALLOWANCE}", f"{size:.2f}", met=size >= COMPRESSION_ALLOWANCE)
        for way in ("writing", "reading"):
            time = statistics.median(ours[way]) / statistics.median(best[way])
            what = f"{way} compressed {data} on {threads} processors, by {best['method']}"
            yield requirement(what, "<= 1", f"{time:.2f}", met=time <= 1)


def required_table(results: Mapping[str, list[Row]]) -> str:
    """What the project asks of itself, and what this run found."""
    lines = list(required_times(results))
    for size in (SMALL, MIB):
        one_way = median(results["messages"], size, OURS, "") / median(results["messages"], size, ICEORYX, "")
        what = f"one way of {size_text(size)}, by {ICEORYX}"
        lines.append(requirement(what, "<= 1", f"{one_way:.2f}", met=one_way <= 1))
    lines += required_compression(results["compressing"])
    for row in results["private"]:
        if row["path"] in {"in place", "view"}:
            what, found = f"private memory for 1 GiB, {row['path']}", f"{row['private'] / MIB:.1f} MiB"
            lines.append(requirement(what, "< 64 MiB", found, met=row["private"] < MAX_PRIVATE))
    for row in results["threads"]:
        if row["method"] in {f"{OURS}: write", f"{OURS}: read"}:
            progress = statistics.median(row["ratios"])
            what = f"progress of other threads, {row['method']}"
            lines.append(requirement(what, f">= {MIN_PROGRESS}", f"{progress:.2f}", met=progress >= MIN_PROGRESS))
    return table(["what", "wanted", "found", "met"], lines)


def markdown(results: Mapping[str, list[Row]], machine: Mapping[str, str], idle: float) -> str:
    """The page docs/benchmarks.md."""
    sections = [f"{NOTES[name]}\n\n{section_table(name, rows)}" for name, rows in results.items()]
    parts = [
        INTRODUCTION.format(idle=idle).rstrip(),
        "## What is asked for\n\n" + required_table(results),
        *sections,
        "## Machine\n\n" + table(["", ""], machine.items()),
    ]
    return "\n\n".join(parts) + "\n"
