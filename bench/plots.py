"""Plots of time against size, one line per method."""

import statistics
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from peers import ARROW, CORE, FILE, FILL_ONLY, ICEORYX, KEPT, MEMMAP, OURS, RAY, STDLIB, TRACKED, WARM
from PIL import Image
from rounds import COLD, SIZES
from tables import PLOTTED, Row, size_text

TITLES = dict(
    zip(PLOTTED, ("From a descriptor to a view", "Writing new data, hot", "Filling in place, hot"), strict=True)
)
# Each has its colour and its marker in all plots.
METHODS = dict(
    zip(
        (OURS, KEPT, FILE, MEMMAP, STDLIB, TRACKED, CORE, ARROW, ICEORYX, RAY, FILL_ONLY, WARM),
        "os^v<>DPX*ph",
        strict=True,
    )
)


def duration_text(seconds: float, _position: int) -> str:
    """`10 µs` and the like."""
    scale, unit = next((s, u) for s, u in ((1, "s"), (1e3, "ms"), (1e6, "µs")) if seconds * s >= 1 or u == "µs")
    return f"{seconds * scale:g} {unit}"


def plot(rows: list[Row], title: str) -> Figure:
    """Medians of every method, ours in front."""
    figure = Figure(figsize=(8, 5), dpi=100, layout="constrained")
    axes = figure.subplots()
    for number, (method, marker) in enumerate(METHODS.items()):
        same = [row for row in rows if row["method"] == method]
        if not same:
            continue
        medians = [statistics.median(row["seconds"]) for row in same]
        width, order = (3, 3) if method == OURS else (1.2, 2)
        axes.plot(
            [row["size"] for row in same],
            medians,
            color=f"C{number}",
            marker=marker,
            linewidth=width,
            zorder=order,
            label=method,
        )
    axes.set(title=title, xscale="log", yscale="log", xticks=SIZES, xlabel="size")
    axes.set_xticklabels([size_text(size) for size in SIZES])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(FuncFormatter(duration_text))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", framealpha=0.5)
    return figure


def draw(results: Mapping[str, list[Row]], directory: Path) -> None:
    """Write one file for each section that is about sizes; the same samples give the same bytes."""
    directory.mkdir(exist_ok=True)
    for section, title in TITLES.items():
        rows = [row for row in results[section] if row["condition"] != COLD]
        image = BytesIO()
        plot(rows, title).savefig(image, metadata={"Software": None})
        # A palette is a third of the size, and nothing is lost to see.
        Image.open(image).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(
            directory / f"{section}.png", optimize=True
        )
