"""What all sections share: rounds in which the methods take turns, payloads, and second processes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from peers import OURS

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
SMALL, MIDDLE, LARGE = 4 * KIB, 64 * MIB, GIB
# What the objects of a scene have, by and large.
OBJECTS = (16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB)
# Of the plots; the tables leave two of them out.
SIZES = (SMALL, *OBJECTS, 16 * MIB, MIDDLE, 256 * MIB, LARGE)

HOT, COLD = "hot", "cold"
# After so long the kernel has reported free memory to the host, which takes it back (it reports every 2 s).
IDLE_SECONDS = 3.0
# The quartiles of three runs of 5 samples have nothing in common in 41 % of all cases even if nothing differs between
# the runs; of 15, in 2 %.
SWEEPS = 15
# Enough to see whether something is worth being measured again.
SWEEPS_OF_PAIRS = 5

# Does one thing, and returns how many seconds of it count.
Method = Callable[[], float]


def interleave(methods: Mapping[str, Method], rounds: int, condition: str | None = None) -> dict[str, list[float]]:
    """Run every method once a round, in an order of the round's own, so that none always follows the same other one.

    Returns seconds by method and round.

    HOT: an untimed run of the same method comes first, whose memory is then free. COLD: the machine is idle first; that
    is what makes memory cold, nothing is waited for. None: just the run, for what allocates nothing.
    """
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for turn in range(rounds):
        take_turns(methods, turn, condition, seconds)
    return seconds


def take_turns(
    methods: Mapping[str, Method], turn: int, condition: str | None, seconds: Mapping[str, list[float]]
) -> None:
    """One round of `interleave`, added to `seconds`."""
    for name in np.random.default_rng(turn).permutation([name for name in methods if is_measured(name)]).tolist():
        if condition == HOT:
            methods[name]()
        elif condition == COLD:
            time.sleep(0 if quick() else IDLE_SECONDS)
        seconds[name].append(methods[name]())


class Measurement(NamedTuple):
    """Methods that take turns with one size of data, and how many rounds of them one sweep has."""

    size: int
    condition: str
    methods: Mapping[str, Method]
    rounds: int


def sweep(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Rounds of all measurements, those of each spread over the time that they take together.

    What is measured within a few seconds is alike however much it is repeated, and another run finds something else.
    """
    found: list[dict[str, list[float]]] = [{method: [] for method in m.methods} for m in measurements]
    for turn in range(1 if quick() else SWEEPS_OF_PAIRS if only_ours() else SWEEPS):
        progress(f"sweep {turn + 1}")
        for (_, condition, methods, rounds), seconds in zip(measurements, found, strict=True):
            for own_turn in range(1 if quick() else rounds):
                take_turns(methods, turn * rounds + own_turn, condition, seconds)
    return [row for m, seconds in zip(measurements, found, strict=True) for row in rows(m.size, m.condition, seconds)]


def cold_objects(methods: Mapping[int, Mapping[str, Method]]) -> list[dict[str, Any]]:
    """Methods by size, each once after the machine was idle; all sizes of a method together, as they are small."""
    seconds: dict[int, dict[str, list[float]]] = {size: {way: [] for way in ways} for size, ways in methods.items()}
    ways = [way for way in next(iter(methods.values())) if is_measured(way)]
    for turn in range(1 if quick() else SWEEPS_OF_PAIRS if only_ours() else SWEEPS):
        random = np.random.default_rng(turn)
        for way in random.permutation(ways).tolist():
            time.sleep(0 if quick() else IDLE_SECONDS)
            # Each size is the first as often as any: that one pays for what is done once after a while.
            first = turn % len(methods)
            for size in [*list(methods)[first:], *list(methods)[:first]]:
                seconds[size][way].append(methods[size][way]())
    return [row for size, found in seconds.items() for row in rows(size, COLD, found)]


def payload(size: int) -> bytes:
    """`size` bytes in which no two pages are alike."""
    return np.arange(size // 4, dtype=np.uint32).tobytes()


def rows(size: int, condition: str, seconds: Mapping[str, list[float]]) -> list[dict[str, Any]]:
    """Results as the report wants them."""
    return [{"size": size, "condition": condition, "method": m, "seconds": s} for m, s in seconds.items()]


def python(script: str, *arguments: str, stdin: str = "") -> Any:  # noqa: ANN401 (JSON)
    """Run a script of this directory in a process of its own; the JSON that it prints."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
    result = subprocess.run(command, input=stdin.encode(), stdout=subprocess.PIPE, check=True)
    return json.loads(result.stdout)


def progress(text: str) -> None:
    """Say on stderr what is being measured."""
    print(f"    {text}", file=sys.stderr, flush=True)


def only_ours() -> bool:
    """Whether the peers are left out, because this checkout is compared with another one."""
    return "DCC_MCP_SHM_BENCH_ONLY_OURS" in os.environ


def is_measured(method: str) -> bool:
    """Whether a method is one of those that are measured."""
    return not only_ours() or OURS in method


def quick() -> bool:
    """Whether this run is only to see that all works."""
    return "DCC_MCP_SHM_BENCH_QUICK" in os.environ
