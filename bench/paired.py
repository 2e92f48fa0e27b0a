"""Compare this checkout with another one: sections of the benchmark in turns, and what is slower here.

    python bench/paired.py [--times N] OTHER [SECTION ...]

OTHER is a checkout whose .venv-bench and server are made (`make .venv-bench/.stamp-wheel target/release/dcc-mcp-shm`),
as must be those of this one. Both are measured by the scripts of this one, without the peers. The sections of what is
slower here are run again, up to N times; what is slower in all runs by more than SLACK is printed.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
from pathlib import Path
from typing import Any

from peers import OURS
from run import SECTIONS
from tables import table

HERE = Path(__file__).parents[1]
# All of `make bench-server`.
SERVER = "server"
ALL_SECTIONS = (*SECTIONS, SERVER)
# Medians of the same program differ by that much.
SLACK = 1.03

Medians = dict[tuple[str, str], float]


def medians(section: str, rows: list[dict[str, Any]]) -> Medians:
    """The median of each figure of ours, by section and what it is of."""
    found: Medians = {}
    for row in rows:
        label = ", ".join(str(value) for value in row.values() if isinstance(value, str | int) and value != "")
        for name, values in row.items():
            if OURS in label and isinstance(values, list) and values:
                # Sections that are run several times have a list for each run.
                flat = [value for run in values for value in (run if isinstance(run, list) else [run])]
                found[section, f"{label}: {name}"] = statistics.median(flat)
    return found


def measure(checkout: Path, section: str) -> Medians:
    """One run of a section."""
    if section == SERVER:
        command = [str(checkout / ".venv-bench/bin/python"), "-m", "server", "--medians"]
        command += ["--server", str(checkout / "target/release/dcc-mcp-shm")]
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=HERE / "bench")
        return {(section, what): seconds for what, seconds in json.loads(ran.stdout).items()}
    command = [str(checkout / ".venv-bench/bin/python"), str(HERE / "bench/run.py"), section]
    environment = os.environ | {"DCC_MCP_SHM_BENCH_ONLY_OURS": "1"}
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    samples = re.search(r"^samples: (.+)$", ran.stderr, re.MULTILINE)
    assert samples, ran.stderr
    rows: list[dict[str, Any]] = json.loads(Path(samples[1]).read_text())["results"][section]
    return medians(section, rows)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="bench/paired.py", description="Compare with another checkout.")
    parser.add_argument("other", type=Path)
    parser.add_argument("--times", type=int, default=3, help="runs of what is slower in all runs so far")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"one of {', '.join(ALL_SECTIONS)}; else all")
    arguments = parser.parse_args()
    ratios: dict[tuple[str, str], list[float]] = {}
    sections = arguments.sections or list(ALL_SECTIONS)
    for time in range(arguments.times):
        for section in sections:
            # Whichever comes first has the other's warmth, so they take turns in that too.
            order = [arguments.other, HERE] if time % 2 == 0 else [HERE, arguments.other]
            found = {checkout: measure(checkout, section) for checkout in order}
            for what, here in found[HERE].items():
                if what in found[arguments.other]:
                    ratios.setdefault(what, []).append(here / found[arguments.other][what])
            print(f"{time + 1}: {section} done", flush=True)
        slower = {what for what, values in ratios.items() if min(values) > SLACK}
        sections = [section for section in sections if any(section == where for where, _ in slower)]
    lines = [[*what, *(f"{value:.2f}" for value in values)] for what, values in ratios.items() if min(values) > SLACK]
    print(f"{len(ratios)} figures, {len(lines)} slower in each of up to {arguments.times} runs")
    if lines:
        print(table(["section", "what", *(f"run {n + 1}" for n in range(arguments.times))], lines))


if __name__ == "__main__":
    main()
