"""Figures as text, and the tables of the sections."""

import statistics
from collections.abc import Iterable
from typing import Any

from peers import FILE, OURS
from rounds import GIB, KIB, LARGE, MIB, MIDDLE, OBJECTS, SMALL

Row = dict[str, Any]

MILLISECOND = 1e-3
# Of what is measured in many sizes, those that the tables have; the others are in the plots and the samples.
SHOWN = (SMALL, *OBJECTS, MIDDLE, LARGE)
PLOTTED = ("opening", "writing", "filling")


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


def ordered(rows: list[Row]) -> list[Row]:
    """By size and condition, however many scripts the rows are from."""
    conditions = list(dict.fromkeys(row["condition"] for row in rows))
    return sorted(rows, key=lambda row: (row["size"], conditions.index(row["condition"])))


def timed_table(rows: list[Row]) -> str:
    """Times of one or more sizes."""
    lines = []
    for row in ordered(rows):
        ours = median(rows, row["size"], OURS, row["condition"])
        where = ", ".join(filter(None, (size_text(row["size"]), row["condition"])))
        ratio = statistics.median(row["seconds"]) / ours
        method = f"**{row['method']}**" if row["method"] == OURS else row["method"]
        lines.append([where, method, time_text(row["seconds"]), f"{ratio:.2f}", str(len(row["seconds"]))])
    return table(["size", "method", "time", "ratio", "rounds"], lines)


def private_table(rows: list[Row]) -> str:
    """Memory of both sides."""
    lines = (
        [row["path"], row["side"], f"{row['private'] / MIB:.1f} MiB", f"{row['high_water'] / MIB:.1f} MiB"]
        for row in rows
    )
    return table(["path", "side", "private, sampled", "high water"], lines)


def threads_table(rows: list[Row]) -> str:
    """Progress of a thread."""
    lines = []
    for row in rows:
        low, middle, high = quartiles(row["ratios"])
        lines.append([row["method"], f"{middle:.2f} ({low:.2f}-{high:.2f})"])
    return table(["meanwhile", "progress"], lines)


def compressing_table(rows: list[Row]) -> str:
    """Ratio and speed."""
    lines = []
    for row in rows:
        method = f"**{row['method']}**" if row["method"] == OURS else row["method"]
        speeds = (f"{row['bytes'] / statistics.median(row[way]) / 1e9:.2f} GB/s" for way in ("writing", "reading"))
        lines.append([row["data"], method, str(row["threads"]), f"{row['bytes'] / row['stored']:.2f}", *speeds])
    return table(["data", "method", "processors", "ratio", "write", "read"], lines)


def crowds_table(rows: list[Row]) -> str:
    """Time of one opening, by the size of the crowd."""
    lines = []
    for row in rows:
        alone = next(r for r in rows if (r["crowd"], r["method"]) == (row["crowd"], row["method"]))
        ratio = statistics.median(row["seconds"]) / statistics.median(alone["seconds"])
        method = f"**{row['method']}**" if row["method"] == OURS else row["method"]
        lines.append([row["crowd"], f"{row['members']:,}", method, time_text(row["seconds"]), f"{ratio:.2f}"])
    return table(["crowd", "at once", "method", "time of one opening", "by that of one alone"], lines)


def kernel_table(rows: list[Row]) -> str:
    """Both parts of what small data costs, by all that bare files cost."""
    lines = []
    for row in rows:
        same = next(
            r for r in rows if (r["size"], r["condition"], r["method"]) == (row["size"], row["condition"], FILE)
        )
        bare = statistics.median(same["kernel"]) + statistics.median(same["user"])
        method = f"**{row['method']}**" if row["method"] == OURS else row["method"]
        ratio = statistics.median(row["kernel"]) / bare
        where = f"{size_text(row['size'])}, {row['condition']}"
        lines.append([where, method, time_text(row["kernel"]), time_text(row["user"]), f"{ratio:.2f}"])
    return table(["size", "method", "in the kernel", "outside", "kernel alone, by all of bare files"], lines)


def section_table(name: str, rows: list[Row]) -> str:
    """The results of one section."""
    if name in PLOTTED:
        rows = [row for row in rows if row["size"] in SHOWN]
    tables = {
        "private": private_table,
        "threads": threads_table,
        "compressing": compressing_table,
        "crowds": crowds_table,
        "kernel": kernel_table,
    }
    return tables.get(name, timed_table)(rows)


def requirement(what: str, limit: str, found: str, *, met: bool) -> list[str]:
    """A line of a table of what is asked for."""
    return [what, limit, found, "yes" if met else "**no**"]
