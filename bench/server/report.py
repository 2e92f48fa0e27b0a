"""The results as Markdown: the page docs/server-benchmarks.md."""

import statistics
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rounds import KIB, MIB
from tables import requirement, table, time_text

from server.calls import CALLS as BLOCK
from server.client import TRANSPORTS
from server.describing import DESCRIBE, SUM, Described
from server.listing import AFTER_ONE_MORE, BUFFERS, FIRST, LATER
from server.memory import CALLS, SAMPLES
from server.pictures import PACE, PICTURES, Pictured
from server.servers import MESHES, MIXED, OURS, RMCP

MAX_TIMES_NOOP = 2
MAX_RESIDENT = 10 * MIB
# Allocators keep a little more now and then; what leaks with each call would be megabytes.
MAX_GROWTH = 256 * KIB
MAX_FIRST_PAGE, MAX_PAGE = 0.1, 0.005
MAX_TIMES_SUM = 1.5
MAX_DESCRIBE_RESIDENT = 64 * MIB
MAX_TOOLS = 18_000
MAX_TIMES_ALONE = 2
MAX_SECONDS_TO_STOP = 0.5
MAX_PICTURES_RESIDENT = 300 * MIB


class Results(NamedTuple):
    """What every section found."""

    # Seconds by transport and server.
    calls: dict[str, dict[str, list[float]]]
    # Seconds by server.
    starting: dict[str, list[float]]
    # Bytes in the course of the calls, by server.
    memory: dict[str, list[int]]
    # Seconds by kind of call.
    listing: dict[str, list[float]]
    describing: Described
    pictures: Pictured
    # Bytes of the answer to `tools/list`.
    tools: int


PAGE = """\
# The MCP server, measured

Printed by `make bench-server`; do not edit. Every figure is the median of its rounds with the quartiles in brackets;
where servers are compared, they take turns within one run. *No-op* is a server whose one tool does nothing and answers
"ok" ([bench/noop](../bench/noop)): on rmcp, which this server is built on, and on the Python and Node SDKs. One client
speaks to all of them, a Python program that writes a line and reads a line. *Ratio* is a median by that of the no-op on
rmcp; above 1 is slower.

## What is asked for

{required}

## 1. One call

Until the answer's line is there. Most hosts give a server pipes; Node gives it a pair of sockets for each of stdin and
stdout. A round is the median of {block} calls one after another. dcc-mcp-shm answers `read_descriptor` about a mesh.
Whether anything about its file has changed is looked at each time; if not, the answer is the one before. *Another mesh
each time* is what a call costs that opens and reads a file: {meshes} meshes take turns, more than answers are kept.
*Read by rmcp* is the first call with a field more, because of which the server leaves the reading of it to rmcp: rmcp
tries all that a message may be, one after the other.

{calls}

## 2. From starting a process to `initialize` answered

{starting}

## 3. Resident memory

In the course of {count:,} calls: VmRSS, which includes the program's own pages. *Growth* is from the first tenth of the
calls to the last. The first line is `read_descriptor` alone, the second also `list_buffers`, `describe_buffer`,
`read_buffer` and `view_image` in turns.

{memory}

## 4. `list_buffers` with {buffers:,} buffers

The first page; each round starts a new server.

{listing}

## 5. `describe_buffer` of 1 GiB

One array of float32; *ratio* is by the sum. At most {peak} were resident in the server.

{describing}

## 6. `tools/list`

{tools:,} bytes for all tools.

{pictures}

## Machine

{machine}
"""

PICTURES_SECTION = """\
## 7. {pictures} pictures at once

`view_image` of a mesh of {triangles:,} triangles, {pictures} times at once, and `list_buffers` every {pace} ms,
whether or not the last answer is there. *Ratio* is by the same percentile without pictures. Until a cancelled picture
stops: from the notification to the last work of any thread of the server. At most {peak} were resident in the server.

{lines}
"""


def size_text(size: int) -> str:
    """`5.3 MiB` and the like."""
    return f"{size / MIB:.1f} MiB"


def growth(samples: list[int]) -> int:
    """Bytes that came after the first tenth of the calls."""
    return samples[-1] - samples[1]


def ratio(seconds: Mapping[str, list[float]], one: str, by: str) -> float:
    """How many times the median of `by` that of `one` is."""
    return statistics.median(seconds[one]) / statistics.median(seconds[by])


def at_most_times(what: str, found: float, limit: float) -> list[str]:
    """A requirement of a ratio."""
    return requirement(what, f"<= {limit}", f"{found:.2f}", met=found <= limit)


def at_most_seconds(what: str, seconds: list[float], limit: float) -> list[str]:
    """A requirement of a median."""
    return requirement(what, f"<= {limit * 1e3:.0f} ms", time_text(seconds), met=statistics.median(seconds) <= limit)


def required(results: Results) -> Iterator[list[str]]:
    """What the project asks of its server, and what this run found."""
    for transport in TRANSPORTS:
        found = ratio(results.calls[transport], OURS, RMCP)
        yield at_most_times(f"`read_descriptor` over {transport}, by the {RMCP}", found, MAX_TIMES_NOOP)
    found = ratio(results.starting, OURS, RMCP)
    yield at_most_times(f"start to `initialize` answered, by the {RMCP}", found, MAX_TIMES_NOOP)
    for name in (OURS, MIXED):
        samples = results.memory[name]
        what = f"resident after {CALLS:,} calls, {name}"
        yield requirement(what, "<= 10 MiB", size_text(samples[-1]), met=samples[-1] <= MAX_RESIDENT)
        more = growth(samples)
        yield requirement(f"growth meanwhile, {name}", "<= 256 KiB", f"{more // KIB} KiB", met=more <= MAX_GROWTH)
    for what, limit in ((FIRST, MAX_FIRST_PAGE), (LATER, MAX_PAGE), (AFTER_ONE_MORE, MAX_PAGE)):
        yield at_most_seconds(f"`list_buffers` of {BUFFERS:,}, {what}", results.listing[what], limit)
    described = results.describing
    found = ratio(described.seconds, DESCRIBE, SUM)
    yield at_most_times("`describe_buffer` of 1 GiB, by a sum", found, MAX_TIMES_SUM)
    what = "`describe_buffer` of 1 GiB, resident at most"
    yield requirement(what, "< 64 MiB", size_text(described.peak), met=described.peak < MAX_DESCRIBE_RESIDENT)
    most = f"<= {MAX_TOOLS:,} bytes"
    yield requirement("`tools/list`", most, f"{results.tools:,} bytes", met=results.tools <= MAX_TOOLS)
    yield from required_of_pictures(results.pictures)


def p95(seconds: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def required_of_pictures(found: Pictured) -> Iterator[list[str]]:
    """What is asked for while pictures are drawn."""
    what = f"`list_buffers` beside {PICTURES} pictures, p95 by that without"
    yield at_most_times(what, p95(found.beside) / p95(found.alone), MAX_TIMES_ALONE)
    yield at_most_seconds("a cancelled picture stops", found.cancelled, MAX_SECONDS_TO_STOP)
    what = f"{PICTURES} pictures at once, resident at most"
    yield requirement(what, "< 300 MiB", size_text(found.peak), met=found.peak < MAX_PICTURES_RESIDENT)


def picture_lines(found: Pictured) -> Iterator[list[str]]:
    """Lines of a table: median and 95th percentile of each, and the ratio of the latter."""
    for name, seconds in (("`list_buffers` alone", found.alone), ("`list_buffers` beside pictures", found.beside)):
        ratio = f"{p95(seconds) / p95(found.alone):.2f}"
        yield [name, time_text(seconds), time_text([p95(seconds)]).partition(" (")[0], ratio, str(len(seconds))]
    for name, seconds in (("a picture", found.drawn), ("until a cancelled picture stops", found.cancelled)):
        yield [name, time_text(seconds), "", "", str(len(seconds))]


def pictures_section(found: Pictured) -> str:
    """The section about pictures."""
    return PICTURES_SECTION.format(
        pictures=PICTURES,
        triangles=found.triangles,
        pace=round(PACE * 1e3),
        peak=size_text(found.peak),
        lines=table(["what", "time", "p95", "ratio", "times"], picture_lines(found)),
    ).rstrip()


def pictures_alone(found: Pictured) -> str:
    """What is asked for while pictures are drawn, and the section about them."""
    required = table(["what", "wanted", "found", "met"], required_of_pictures(found))
    return f"{required}\n\n{pictures_section(found)}\n"


def compared(seconds: Mapping[str, list[float]], by: str) -> Iterator[list[str]]:
    """Lines of a table: time, ratio and rounds of each."""
    for name, times in seconds.items():
        yield [name, time_text(times), f"{ratio(seconds, name, by):.2f}", str(len(times))]


def memory_lines(memory: Mapping[str, list[int]]) -> Iterator[list[str]]:
    """Lines of a table: memory at the start, after a tenth, half and all of the calls."""
    for name, samples in memory.items():
        shown = [size_text(samples[index]) for index in (0, 1, SAMPLES // 2, SAMPLES)]
        yield [name, *shown, f"{growth(samples) // KIB} KiB"]


def medians(results: Results) -> dict[str, float]:
    """The median of each time."""
    pictures = results.pictures
    times = {f"{server}, {transport}": t for transport, found in results.calls.items() for server, t in found.items()}
    times |= {f"start, {server}": found for server, found in results.starting.items()}
    times |= {f"list_buffers, {call}": found for call, found in results.listing.items()}
    times |= {f"describe_buffer: {what}": found for what, found in results.describing.seconds.items() if what != SUM}
    times |= {"list_buffers beside pictures": pictures.beside, "list_buffers before pictures": pictures.alone}
    times |= {"a picture": pictures.drawn, "until a cancelled picture stops": pictures.cancelled}
    return {what: statistics.median(found) for what, found in times.items()}


def markdown(results: Results, machine: Mapping[str, str]) -> str:
    """The page."""
    columns = ["time", "ratio", "rounds"]
    calls = ([transport, *line] for transport, times in results.calls.items() for line in compared(times, RMCP))
    after = [f"{share:,} calls" for share in (CALLS // SAMPLES, CALLS // 2, CALLS)]
    return PAGE.format(
        required=table(["what", "wanted", "found", "met"], required(results)),
        calls=table(["over", "server", *columns], calls),
        starting=table(["server", *columns], compared(results.starting, RMCP)),
        block=BLOCK,
        meshes=MESHES,
        count=CALLS,
        memory=table(["server", "started", *after, "growth"], memory_lines(results.memory)),
        buffers=BUFFERS,
        listing=table(["call", "time", "calls"], ([n, time_text(t), str(len(t))] for n, t in results.listing.items())),
        peak=size_text(results.describing.peak),
        describing=table(["method", *columns], compared(results.describing.seconds, SUM)),
        tools=results.tools,
        pictures=pictures_section(results.pictures),
        machine=table(["", ""], machine.items()),
    )
