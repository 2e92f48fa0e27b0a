"""Sections that were run several times: their samples together, and whether the runs agree."""

from collections.abc import Iterable, Mapping, Sequence

from peers import FILE, OURS, WARM
from tables import SHOWN, Row, ordered, quartiles, size_text, table, time_text

# No code of ours runs in these.
YARDSTICKS = (FILE, WARM)


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
    ranges = [quartiles(values) for values in runs]
    return max(low for low, _, _ in ranges) <= min(high for _, _, high in ranges)


def ratio_text(ratios: list[float]) -> str:
    """Median and quartiles of what has no unit."""
    low, middle, high = quartiles(ratios)
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def by_ours(row: Row, ours: Row) -> list[list[float]] | None:
    """What a method takes by what ours takes in the same round, for each run; None if it has rounds of its own."""
    pairs = list(zip(row["runs"], ours["runs"], strict=True))
    if row["method"] == OURS or any(len(seconds) != len(of_ours) for seconds, of_ours in pairs):
        return None
    return [[other / own for other, own in zip(seconds, of_ours, strict=True)] for seconds, of_ours in pairs]


def agreement_table(results: Mapping[str, list[Row]]) -> str:
    """Each run's figure, of every section that was run more than once, in the sizes that its table has."""
    lines = []

    def add(where: str, what: str, figures: Iterable[str], runs: Sequence[list[float]]) -> None:
        lines.append([where, what, " · ".join(figures), "yes" if overlap(runs) else "**no**"])

    for name, rows in results.items():
        repeated = ordered([row for row in rows if len(row.get("runs", ())) > 1 and row["size"] in SHOWN])
        ours = {(row["size"], row["condition"]): row for row in repeated if row["method"] == OURS}
        for row in repeated:
            where = ", ".join(filter(None, (name, size_text(row["size"]), row["condition"])))
            ratios = by_ours(row, ours[row["size"], row["condition"]])
            if ratios is not None:
                add(where, row["method"], map(ratio_text, ratios), ratios)
            if ratios is None or row["method"] in YARDSTICKS:
                what = row["method"] if ratios is None else f"{row['method']}, its time"
                add(where, what, map(time_text, row["runs"]), row["runs"])
    agree = sum(line[-1] == "yes" for line in lines)
    return f"{agree} of {len(lines)} agree.\n\n" + table(["what", "method", "runs", "overlap"], lines)
