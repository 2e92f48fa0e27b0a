"""Measure against the peers: what `make bench` runs.

    python bench/run.py [--quick] [SECTION ...]

Without sections all of them are run, and some three times: that prints a Markdown page and writes it and its plots to
docs/; with --quick the plots go to bench/results/, as all samples do, which git ignores. Nothing stays in /dev/shm.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import left_over
from machine import available_bytes, describe, processor_ticks
from peers import MEMORY, NOTES_VARIABLE, PREFIX_VARIABLE
from plots import draw
from report import markdown
from rounds import GIB, IDLE_SECONDS, only_ours, progress, python
from runs import merged
from tables import Row, section_table

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs/benchmarks.md"
PACKAGES = ("numpy", "dcc-mcp-shm", "dcc-mcp-core", "pyarrow", "iceoryx2", "ray", "blosc2", "lz4")
# So that what the machine does for a while is not in all runs of a section.
REPEATED = ("opening", "writing", "filling")
BETWEEN = (("warm", "reading", "cycles", "many", "kernel", "messages", "crowds"), ("compressing", "private", "threads"))
SCHEDULE = (*REPEATED, *BETWEEN[0], *REPEATED, *BETWEEN[1], *REPEATED)
SECTIONS = (*REPEATED, *BETWEEN[0], *BETWEEN[1])
# 1 GiB in every way at once, and a copy of it in each process.
NEEDED_BYTES = 12 * GIB


@contextmanager
def surroundings(*, quick: bool) -> Iterator[None]:
    """A store and segment names of this run, all of them removed at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/dev/shm") as store, tempfile.TemporaryDirectory() as work:
        prefix, notes = f"{Path(store).name}-segment", Path(work, "notes")
        os.environ |= {"DCC_MCP_SHM_DIR": store, PREFIX_VARIABLE: prefix, NOTES_VARIABLE: str(notes)}
        # What goes would be the memory of what is made next. How fast that is has a section of its own.
        os.environ["DCC_MCP_SHM_RESERVE_BYTES"] = "0"
        # dcc-mcp-core logs every call to stderr otherwise.
        os.environ["RUST_LOG"] = "off"
        # ray: its files here, only the loopback device, no word to anybody.
        os.environ |= {"RAY_TMPDIR": work, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
        if quick:
            os.environ["DCC_MCP_SHM_BENCH_QUICK"] = "1"
        try:
            yield
        finally:
            left_over.end_processes(prefix)
            left_over.remove_files(prefix, notes)


def measure(schedule: Sequence[str]) -> dict[str, list[Row]]:
    """Results of sections, each in a process of its own, and again as often as it is scheduled."""
    runs: dict[str, list[list[Row]]] = {}
    for section in schedule:
        progress(section)
        start = time.perf_counter()
        runs.setdefault(section, []).append(python(f"{section}.py"))
        progress(f"[{section}: {time.perf_counter() - start:.0f} s]")
    return {section: merged(runs[section]) if section in REPEATED else runs[section][0] for section in runs}


def require_memory() -> None:
    """Refuse to start what would end in the middle."""
    free = min(shutil.disk_usage(MEMORY).free, available_bytes())
    if free < NEEDED_BYTES:
        sys.exit(
            f"{NEEDED_BYTES / GIB:.0f} GiB of memory are needed, and as much in {MEMORY}: there are {free / GIB:.1f}"
        )


def save(results: dict[str, Any], machine: dict[str, str]) -> None:
    """Keep the samples."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / ".gitignore").write_text("*\n")
    now = datetime.now(UTC)
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps({"at": now.isoformat(), "machine": machine, "results": results}))
    print(f"samples: {path}", file=sys.stderr)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="bench/run.py", description="Measure against the peers.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"one of {', '.join(SECTIONS)}; else all")
    parser.add_argument("--quick", action="store_true", help="only see that all works; the figures mean nothing")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    # So that what was made is removed then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    require_memory()
    machine = describe(*PACKAGES)
    stolen, ticks = processor_ticks()
    with surroundings(quick=arguments.quick):
        results = measure(arguments.sections or SCHEDULE)
    stolen_after, ticks_after = processor_ticks()
    machine["processor time that the host took"] = f"{(stolen_after - stolen) / (ticks_after - ticks):.1%}"
    save(results, machine)
    if only_ours():
        return
    if arguments.sections:
        print("\n\n".join(section_table(name, rows) for name, rows in results.items()))
        return
    page = markdown(results, machine, idle=IDLE_SECONDS, runs=SCHEDULE.count(REPEATED[0]))
    print(page)
    if arguments.quick:
        draw(results, RESULTS)
    else:
        PAGE.write_text(page)
        draw(results, PAGE.with_suffix(""))


if __name__ == "__main__":
    main()
