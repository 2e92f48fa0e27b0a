"""The page docs/benchmarks.md."""

from collections.abc import Mapping

from goals import required_table
from rounds import SWEEPS
from runs import agreement_table
from tables import Row, section_table, table
from words import AGREEMENT, BEHIND, INTRODUCTION, NOTES, REQUIRED


def markdown(results: Mapping[str, list[Row]], machine: Mapping[str, str], *, idle: float, runs: int) -> str:
    """The whole page, its sections numbered as the results are in order."""
    sections = [
        f"## {number}. {NOTES[name]}\n\n{section_table(name, rows)}"
        for number, (name, rows) in enumerate(results.items(), 1)
    ]
    parts = [
        INTRODUCTION.format(idle=idle, runs=runs).rstrip(),
        f"{REQUIRED}\n\n{required_table(results)}",
        *sections,
        BEHIND,
        f"{AGREEMENT.format(sweeps=SWEEPS)}\n\n{agreement_table(results)}",
        "## Machine\n\n" + table(["", ""], machine.items()),
    ]
    return "\n\n".join(parts) + "\n"
