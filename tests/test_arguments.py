"""Arguments that all writers share: each is kept exactly, or refused by name."""

import array
import datetime
import decimal
import enum
import fractions
import json
import types
from collections.abc import Callable
from typing import Any

import dcc_mcp_shm as shm
import numpy as np
import pytest
from dcc_mcp_shm import BufferPool, SharedBuffer, SharedSceneBuffer, Store


class Text(str):
    """A text of another type."""

    __slots__ = ()


class Axis(enum.StrEnum):
    """A text of an enumeration."""

    UP = "Z"


class Level(enum.IntEnum):
    """A number of an enumeration."""

    HIGH = 3


class Colour(enum.Enum):
    """What is no value by itself."""

    RED = 1


EXACT = [
    (2**64 - 1, 2**64 - 1),
    (-(2**63), -(2**63)),
    (2**53 + 1, 2**53 + 1),
    (None, None),
    (np.bool_(True), True),
    (np.int64(-5), -5),
    (np.uint64(2**64 - 1), 2**64 - 1),
    (np.float16(0.1), float(np.float16(0.1))),
    (np.float32(0.1), float(np.float32(0.1))),
    (np.float64(5e-324), 5e-324),
    (np.str_("x"), "x"),
    (np.array(7), 7),
    (np.array([2**63, 1], "u8"), [2**63, 1]),
    (Text("x"), "x"),
    (Axis.UP, "Z"),
    (Level.HIGH, 3),
    ([Level.HIGH, np.float32(0.5), None, True], [3, 0.5, None, True]),
    (array.array("d", [0.1]), [0.1]),
    (memoryview(array.array("i", [4])), [4]),
    (range(3), [0, 1, 2]),
]


@pytest.mark.parametrize(("given", "found"), EXACT)
def test_an_attribute_comes_back_as_it_was(given: Any, found: Any) -> None:
    scene = SharedSceneBuffer.write(b"x", attrs=types.MappingProxyType({"a": given}))
    for attrs in (scene.attrs, json.loads(scene.descriptor_json())["attrs"]):
        value = attrs["a"]
        assert (value, type(value)) == (found, type(found))
        assert not isinstance(found, list) or [type(item) for item in value] == [type(item) for item in found]


deep: list[Any] = []
for _ in range(100_000):
    deep = [deep]
endless: list[Any] = []
endless.append(endless)

NEVER_EXACT = [
    2**64,
    -(2**63) - 1,
    [1, 2**70],
    10**5000,
    np.longdouble(1),
    np.ones(2, np.longdouble),
    decimal.Decimal("0.1"),
    fractions.Fraction(1, 3),
    1j,
    np.complex64(1),
    float("nan"),
    float("-inf"),
    [1.0, float("inf")],
    np.float32("nan"),
    b"bytes",
    bytearray(b"bytes"),
    np.bytes_(b"bytes"),
    [b"bytes"],
    {"a set"},
    iter([1]),
    Colour.RED,
    object(),
    np.datetime64(1, "ns"),
    np.array([1], "m8[ns]"),
    datetime.date(2026, 1, 1),
    "half of a pair: \ud800",
    ["\udfff"],
    {"b": 1},
    [{"b": 1}],
    [[1]],
    np.eye(4),
    deep,
    endless,
    "x" * 5000,
    [0] * 65,
]


@pytest.mark.parametrize("value", NEVER_EXACT, ids=lambda value: type(value).__name__)
def test_an_attribute_that_cannot_be_kept_is_refused_by_name(store: Store, value: Any) -> None:
    with pytest.raises(shm.InvalidArgument) as error:
        SharedSceneBuffer.write(b"data", attrs={"good": 1, "the bad one": value})
    assert error.value.argument == "attrs"
    # All together are too long.
    assert "the bad one" in str(error.value) or "4096" in str(error.value)
    assert store.list() == []


@pytest.mark.parametrize("attrs", [[1], "text", {1: 2}, {None: 1}, {("a", "b"): 1}, {b"a": 1}, {"": 1}, {"\ud800": 1}])
def test_attributes_without_proper_names_are_refused(attrs: Any) -> None:
    with pytest.raises(shm.InvalidArgument) as error:
        SharedSceneBuffer.write(b"data", attrs=attrs)
    assert error.value.argument == "attrs"


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_is_not_about_attrs_is_not_said_of_them(error: type[BaseException]) -> None:
    class Interrupted:
        def tolist(self) -> Any:
            raise error

    with pytest.raises(error):
        SharedSceneBuffer.write(b"data", attrs={"a": Interrupted()})
    assert Store().list() == []


def shortened(value: Any) -> str:
    """What a test of this value is called."""
    return repr(value)[:20]


NO_TIMES = [-1, -1e-12, float("nan"), 10**400]


@pytest.mark.parametrize("ttl", [*NO_TIMES, float("inf"), 1e12, 1e300], ids=shortened)
def test_what_is_no_time_to_live_is_refused(store: Store, ttl: Any) -> None:
    with pytest.raises(shm.InvalidArgument) as error:
        SharedSceneBuffer.write(b"", ttl=ttl)
    assert error.value.argument == "ttl"
    with pytest.raises(shm.InvalidArgument, match="ttl"):
        SharedBuffer.create(1, ttl=ttl)
    assert store.list() == []


@pytest.mark.parametrize("ttl", [1e-12, 5e-324, 1e-10, np.float32(1e-20), fractions.Fraction(1, 10**20)])
def test_no_time_to_live_but_zero_is_for_ever(store: Store, ttl: Any) -> None:
    SharedSceneBuffer.write(b"", ttl=ttl)
    SharedBuffer.create(1, ttl=ttl)
    store.gc()
    assert store.list() == []
    kept = SharedSceneBuffer.write(b"", ttl=0).id
    store.gc()
    assert [found["id"] for found in store.list()] == [kept]


@pytest.mark.parametrize("timeout", NO_TIMES, ids=shortened)
def test_what_is_no_timeout_is_refused(store: Store, timeout: Any) -> None:
    pool, buffer = BufferPool(1, 8), SharedBuffer.create(8)
    waits: list[Callable[[], object]] = [
        lambda: pool.acquire(timeout),
        lambda: buffer.wait(0, timeout),
        lambda: store.wait(timeout=timeout),
    ]
    for wait in waits:
        with pytest.raises(shm.InvalidArgument) as error:
            wait()
        assert error.value.argument == "timeout"


@pytest.mark.parametrize("seconds", ["5", 1j, [1]])
def test_seconds_are_numbers(store: Store, seconds: Any) -> None:
    with pytest.raises(TypeError, match="ttl must be a number"):
        SharedSceneBuffer.write(b"", ttl=seconds)
    with pytest.raises(TypeError, match="timeout must be a number"):
        store.wait(timeout=seconds)
