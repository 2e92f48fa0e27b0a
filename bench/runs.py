"""Sections that were run several times: their samples together, and whether the runs agree."""

from collections.abc import Mapping, Sequence

from tables import SHOWN, Row, ordered, quartiles, size_text, table, time_text


def merged(runs: Sequence[list[Row]]) -> list[Row]:
    """Rows of all runs, each with the samples of all of them in `seconds`, and those of each in `runs`."""
    rows: dict[tuple[object, ...], Row] = {}
    for run in runs:
        for row in run:
            key = (row["size"], row["condition"], row["method"])
            together = rows.setdefault(key, {**row, "seconds": [], "runs": []})
            together["seconds"] += row["seconds"]
            together["runs"].append(row["seconds"])
    return list(rows.values())


def overlap(runs: Sequence[list[float]]) -> bool:
    """Whether the ranges between the quartiles have something in common, in all runs."""
    ranges = [quartiles(seconds) for seconds in runs]
    return max(low for low, _, _ in ranges) <= min(high for _, _, high in ranges)


def agreement_table(results: Mapping[str, list[Row]]) -> str:
    """Each run's figure, of every section that was run more than once, in the sizes that its table has."""
    lines = []
    for name, rows in results.items():
        for row in ordered([row for row in rows if len(row.get("runs", ())) > 1 and row["size"] in SHOWN]):
            where = ", ".join(filter(None, (name, size_text(row["size"]), row["condition"])))
            figures = " · ".join(time_text(seconds) for seconds in row["runs"])
            lines.append([where, row["method"], figures, "yes" if overlap(row["runs"]) else "**no**"])
    return table(["what", "method", "runs", "overlap"], lines)
