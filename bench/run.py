"""Measure against the peers: what `make bench` runs.

    python bench/run.py [--quick] [SECTION ...]

Sections: opening, writing, filling, private, threads, compressing, messages. Prints a Markdown page; a whole run also
writes it to docs/benchmarks.md. The samples go to bench/results/, which git ignores. Nothing stays in /dev/shm.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from machine import describe
from peers import NOTES_VARIABLE, PREFIX_VARIABLE, remove_left_over
from report import markdown, section_table
from rounds import IDLE_SECONDS, python

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs/benchmarks.md"
SECTIONS = (
    "opening",
    "writing",
    "filling",
    "warm",
    "reading",
    "cycles",
    "messages",
    "crowds",
    "compressing",
    "private",
    "threads",
)


@contextmanager
def surroundings(*, quick: bool) -> Iterator[None]:
    """A store and segment names of this run, all of them removed at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/dev/shm") as store, tempfile.TemporaryDirectory() as work:
        prefix, notes = f"{Path(store).name}-segment", Path(work, "notes")
        os.environ |= {"DCC_MCP_SHM_DIR": store, PREFIX_VARIABLE: prefix, NOTES_VARIABLE: str(notes)}
        # dcc-mcp-core logs every call to stderr otherwise.
        os.environ["RUST_LOG"] = "off"
        # ray: its files here, only the loopback device, no word to anybody.
        os.environ |= {"RAY_TMPDIR": work, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
        if quick:
            os.environ["DCC_MCP_SHM_BENCH_QUICK"] = "1"
        try:
            yield
        finally:
            remove_left_over(prefix, notes)


def measure(sections: Sequence[str]) -> dict[str, Any]:
    """Results of sections, each in a process of its own."""
    results = {}
    for section in sections:
        print(f"{section} …", file=sys.stderr, flush=True)
        start = time.perf_counter()
        results[section] = python(f"{section}.py")
        print(f"    [{time.perf_counter() - start:.0f} s]", file=sys.stderr, flush=True)
    return results


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
    machine = describe("numpy", "dcc-mcp-shm", "dcc-mcp-core", "blosc2", "iceoryx2")
    with surroundings(quick=arguments.quick):
        results = measure(arguments.sections or SECTIONS)
    save(results, machine)
    if results.keys() < set(SECTIONS):
        print("\n\n".join(section_table(name, rows) for name, rows in results.items()))
        return
    page = markdown(results, machine, IDLE_SECONDS)
    print(page)
    if not arguments.quick:
        PAGE.write_text(page)


if __name__ == "__main__":
    main()
