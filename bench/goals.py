"""What the project asks of itself, and what a run found."""

import statistics
from collections.abc import Iterator, Mapping

from peers import CORE, FILE, FILL_ONLY, ICEORYX, IN_PLACE, KEPT, OURS, PRIVATE, RAY, STDLIB, TRACKED, WARM
from rounds import COLD, HOT, LARGE, MIB, MIDDLE, OBJECTS, SMALL
from tables import Row, median, requirement, size_text, table

Results = Mapping[str, list[Row]]

# What one pass may cost above the thing itself.
PASS_ALLOWANCE = 1.15
# Opening is to be independent of the size, and of how many do it.
SIZE_ALLOWANCE = CROWD_ALLOWANCE = 1.5
SLOT_ALLOWANCE, SUM_ALLOWANCE = 1.1, 1.1
# A new scene while the last one goes, whose memory it takes: by a copy into memory that is warm, and by `put` of ray.
STEADY_ALLOWANCES = {MIB: 1.3, MIDDLE: 1.2, LARGE: 1.2}
IN_PLACE_ALLOWANCE = 2
RAY_ALLOWANCES = {MIB: 0.5, MIDDLE: 1, LARGE: 1.2}
MAX_OPENING, MAX_CYCLE = 60e-6, 35e-6
# What the objects of a scene have, by `os.write` of the same bytes to a new file: from bytes, filled in place, and in
# place with memory that is used again; and opened, by `open` and `mmap`.
WRITE_ALLOWANCES = dict(zip(OBJECTS, (1.8, 1.5, 1.2, 1.15, 1), strict=True))
FILL_ALLOWANCES = dict(zip(OBJECTS, (3, 2.2, 1.8, 1.6, 1.3), strict=True))
REFILL_ALLOWANCES = dict(zip(OBJECTS, (3, 2, 1.4, 1.2, 1), strict=True))
OPEN_ALLOWANCE = 1.5
CYCLE_ALLOWANCE, MANY_ALLOWANCE = 1.25, 1.7
# How many times as fast as a peer a new scene is to be written, and bytes are to be read.
TIMES_AS_FAST = {(MIDDLE, STDLIB): 1.6, (MIDDLE, CORE): 3, (LARGE, STDLIB): 1.7, (LARGE, CORE): 3}
READ_TIMES_AS_FAST = {STDLIB: 1, CORE: 4}
# Compressed data may be so much of the size that the better of blosc2's filters makes of it.
COMPRESSION_ALLOWANCE = 0.95
# The condition under which frames are made anew.
EACH_NEW = "each time new"
MAX_PRIVATE = 64 * MIB
# A thread that has a core of the machine for itself gets further than this; one that is stopped, nowhere.
MIN_PROGRESS = 0.5


def at_most(what: str, found: float, limit: float) -> list[str]:
    """A ratio, or a time, that is to be small."""
    return requirement(what, f"<= {limit:g}", f"{found:.2f}", met=found <= limit)


def at_least(what: str, found: float, limit: float) -> list[str]:
    """A ratio that is to be large."""
    return requirement(what, f">= {limit:g}", f"{found:.2f}", met=found >= limit)


def microseconds(what: str, found: float, limit: float) -> list[str]:
    """A time that is to be short."""
    return requirement(what, f"<= {limit * 1e6:.0f} µs", f"{found * 1e6:.1f} µs", met=found <= limit)


def opening(rows: list[Row]) -> Iterator[list[str]]:
    """To a view."""
    ours = {size: median(rows, size, OURS, "") for size in (SMALL, LARGE)}
    for size, seconds in ours.items():
        for peer in (STDLIB, TRACKED):
            what = f"open a view of {size_text(size)}, by {peer}"
            yield at_most(what, seconds / median(rows, size, peer, ""), 1)
    yield at_most("open a view of 1 GiB, by one of 4 KiB", ours[LARGE] / ours[SMALL], SIZE_ALLOWANCE)
    received = median(rows, LARGE, ICEORYX, "")
    yield at_most(f"open a view of 1 GiB, by a received one of {ICEORYX}", ours[LARGE] / received, 1)
    kept = median(rows, LARGE, KEPT, "")
    yield at_most(f"view of 1 GiB, handle kept, by a received one of {ICEORYX}", kept / received, 1)
    yield microseconds("open a view of 1 GiB", ours[LARGE], MAX_OPENING)
    for size in OBJECTS:
        found = median(rows, size, OURS, "") / median(rows, size, FILE, "")
        yield at_most(f"open a view of {size_text(size)}, by `open` and `mmap`", found, OPEN_ALLOWANCE)


def writing(rows: list[Row]) -> Iterator[list[str]]:
    """New scenes."""
    for (size, peer), limit in TIMES_AS_FAST.items():
        for condition in (HOT, COLD):
            found = median(rows, size, peer, condition) / median(rows, size, OURS, condition)
            yield at_least(f"write {size_text(size)}, {condition}, times as fast as {peer}", found, limit)
    for size in (MIDDLE, LARGE):
        for condition in (HOT, COLD):
            found = median(rows, size, OURS, condition) / median(rows, size, FILE, condition)
            yield at_most(f"write {size_text(size)}, {condition}, by `os.write`", found, 1)
    yield from by_file("write {}, {}, by `os.write`", rows, WRITE_ALLOWANCES)


def by_file(what: str, rows: list[Row], allowances: Mapping[int, float]) -> Iterator[list[str]]:
    """What objects take, hot and cold, by the same bytes in a file."""
    for size, limit in allowances.items():
        for condition in (HOT, COLD):
            found = median(rows, size, OURS, condition) / median(rows, size, FILE, condition)
            yield at_most(what.format(size_text(size), condition), found, limit)


def filling(rows: list[Row]) -> Iterator[list[str]]:
    """In place."""
    for size in (MIDDLE, LARGE):
        found = median(rows, size, FILL_ONLY, HOT) / median(rows, size, WARM, HOT)
        yield at_most(f"fill {size_text(size)} in place, by one pass", found, PASS_ALLOWANCE)
    yield from by_file("fill {} in place, {}, by `os.write`", rows, FILL_ALLOWANCES)


def warm(rows: list[Row]) -> Iterator[list[str]]:
    """Again and again."""
    for size, limit in STEADY_ALLOWANCES.items():
        one_pass = median(rows, size, WARM, EACH_NEW)
        what = f"a new scene of {size_text(size)} each frame while the last one goes"
        yield at_most(f"{what}, by one pass", median(rows, size, OURS, EACH_NEW) / one_pass, limit)
        in_place = median(rows, size, IN_PLACE, EACH_NEW)
        yield at_most(f"{what}, in place, by one pass", in_place / one_pass, IN_PLACE_ALLOWANCE)
    for size, limit in REFILL_ALLOWANCES.items():
        found = median(rows, size, IN_PLACE, EACH_NEW) / median(rows, size, FILE, EACH_NEW)
        yield at_most(f"a new scene of {size_text(size)} in place while the last one goes, by `os.write`", found, limit)
    for size in (MIDDLE, LARGE):
        found = median(rows, size, OURS, "kept") / median(rows, size, WARM, "kept")
        yield at_most(f"a slot of {size_text(size)}, by one pass", found, SLOT_ALLOWANCE)


def reuse(results: Results) -> Iterator[list[str]]:
    """Against memory that a peer keeps for good."""
    for size, limit in RAY_ALLOWANCES.items():
        found = median(results["warm"], size, OURS, EACH_NEW) / median(results["writing"], size, RAY, HOT)
        yield at_most(f"a new scene of {size_text(size)} while the last one goes, by `put` of {RAY}", found, limit)


def reading(rows: list[Row]) -> Iterator[list[str]]:
    """Sums and copies."""
    found = median(rows, MIDDLE, OURS, "sum") / median(rows, MIDDLE, PRIVATE, "sum")
    yield at_most("sum over a slot of 64 MiB that stays mapped, by private memory", found, SUM_ALLOWANCE)
    for peer, limit in READ_TIMES_AS_FAST.items():
        found = median(rows, MIDDLE, peer, "to bytes") / median(rows, MIDDLE, OURS, "to bytes")
        yield at_least(f"read 64 MiB to bytes, times as fast as {peer}", found, limit)


def messages(rows: list[Row]) -> Iterator[list[str]]:
    """One way."""
    for size in (SMALL, MIB):
        found = median(rows, size, OURS, "") / median(rows, size, ICEORYX, "")
        yield at_most(f"one way of {size_text(size)}, by {ICEORYX}", found, 1)


def crowds(rows: list[Row]) -> Iterator[list[str]]:
    """Linear."""
    for crowd in ("threads", "processes"):
        seconds = {
            row["members"]: statistics.median(row["seconds"])
            for row in rows
            if (row["crowd"], row["method"]) == (crowd, OURS)
        }
        many = max(seconds)
        yield at_most(f"one opening of {many:,} {crowd}, by one alone", seconds[many] / seconds[1], CROWD_ALLOWANCE)


def compressing(rows: list[Row]) -> Iterator[list[str]]:
    """The better one of blosc2's filters, less a little."""
    for data, threads in dict.fromkeys((row["data"], row["threads"]) for row in rows):
        same = [row for row in rows if (row["data"], row["threads"]) == (data, threads)]
        ours = same[0]
        best = min((row for row in same if row["method"].startswith("blosc2")), key=lambda row: row["stored"])
        if threads == 1:
            size = best["stored"] / ours["stored"]
            yield at_least(f"compressed size of {data}, {best['method']} by ours", size, COMPRESSION_ALLOWANCE)
        for way in ("writing", "reading"):
            time = statistics.median(ours[way]) / statistics.median(best[way])
            yield at_most(f"{way} compressed {data} on {threads} processors, by {best['method']}", time, 1)


def private(rows: list[Row]) -> Iterator[list[str]]:
    """No copies, but the one that is asked for."""
    for row in rows:
        limit = MAX_PRIVATE + (LARGE if row["path"] == "read" else 0)
        found = f"{row['private'] / MIB:.1f} MiB"
        what = f"private memory for 1 GiB, {row['path']}"
        yield requirement(what, f"< {limit // MIB} MiB", found, met=row["private"] < limit)


def threads(rows: list[Row]) -> Iterator[list[str]]:
    """Not in the way of others."""
    for row in rows:
        if row["method"] in {f"{OURS}: write", f"{OURS}: read"}:
            found = statistics.median(row["ratios"])
            yield at_least(f"progress of other threads, {row['method']}", found, MIN_PROGRESS)


def cycles(rows: list[Row]) -> Iterator[list[str]]:
    """A small scene."""
    ours = median(rows, SMALL, OURS, "")
    yield microseconds("make, open, view and remove 4 KiB", ours, MAX_CYCLE)
    found = ours / median(rows, SMALL, FILE, "")
    yield at_most("make, open, view and remove 4 KiB, by bare files", found, CYCLE_ALLOWANCE)


def many(rows: list[Row]) -> Iterator[list[str]]:
    """Many small scenes."""
    ours, files = (statistics.median(next(r for r in rows if r["method"] == way)["seconds"]) for way in (OURS, FILE))
    yield at_most(f"many scenes of {size_text(rows[0]['size'])}, by files", ours / files, MANY_ALLOWANCE)


def required_table(results: Results) -> str:
    """All of it."""
    goals = (opening, writing, filling, warm, reading, cycles, many, messages, crowds, compressing, private, threads)
    lines = [line for goal in goals for line in goal(results[goal.__name__])]
    lines += reuse(results)
    return table(["what", "wanted", "found", "met"], lines)
