"""docs/format.md is enough: a reader made from that page alone works on a store beside this product."""

import subprocess
import sys
import uuid
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import second_reader
from dcc_mcp_shm import BufferPool, SharedBuffer, SharedSceneBuffer, Store, gc
from second_reader import NewerVersionError, SecondReader

LONG = 60
PUBLISHED = 300
"""Scenes of the other process, some of which take a name over."""

PRODUCER = f"""
import numpy as np
from dcc_mcp_shm import BufferPool, SharedBuffer, SharedSceneBuffer
for number in range({PUBLISHED}):
    if number % 4 == 0:
        empty = SharedSceneBuffer.create_empty({{"a": ("u1", (4,))}}, name=f"filled {{number}}")
        with SharedSceneBuffer.fill(empty.id) as w:
            np.asarray(w["a"])[:] = number % 256
    elif number % 4 == 1:
        SharedSceneBuffer.write(b"data", name=f"scene {{number}}")
        SharedSceneBuffer.write(b"hero", name="hero", replace=True)
    elif number % 4 == 2:
        SharedBuffer.create(64, name=f"buffer {{number}}")
    else:
        SharedSceneBuffer.write_arrays({{"a": np.arange(9)}}, name=f"arrays {{number}}", use_compression=True)
        BufferPool(1, 64, name="frames", replace=True)
"""


@pytest.fixture
def reader(store: Store) -> SecondReader:
    """The same store, for the second implementation."""
    return SecondReader(Path(store.path))


def ids(store: Store) -> list[str]:
    """The product's listing."""
    return [descriptor["id"] for descriptor in store.list()]


@contextmanager
def producer() -> Iterator[None]:
    """Another process that shares things, which must succeed."""
    with subprocess.Popen([sys.executable, "-c", PRODUCER]) as process:
        try:
            yield
            assert process.wait(LONG) == 0
        finally:
            process.kill()


def test_it_knows_nothing_of_the_product() -> None:
    source = Path(second_reader.__file__).read_text()
    assert "dcc_mcp" not in source


def test_it_opens_what_the_product_shares(store: Store, reader: SecondReader) -> None:
    data = np.arange(3000, dtype="f4").reshape(1000, 3)
    scene = SharedSceneBuffer.write_arrays({"position": data}, name="hero", kind="Geometry")
    handle = reader.open("hero")
    assert (str(handle.header.id), handle.header.size) == (scene.id, data.nbytes)
    array = handle.header.metadata["arrays"]["position"]
    np.testing.assert_array_equal(
        np.frombuffer(handle.data(), array["dtype"])[: data.size].reshape(array["shape"]), data
    )
    scene.close()
    # It holds the file as the product does.
    (kept,) = gc(True)["kept"]
    assert kept["reason"] == "somebody has it open"
    assert "expires" not in store.describe("hero")
    handle.close()
    assert "expires" in store.describe("hero")
    with pytest.raises(FileNotFoundError):
        reader.open("nobody")


def test_both_list_the_same_in_the_same_order(store: Store, reader: SecondReader) -> None:
    assert (reader.listing().buffers, reader.record()) == ([], None)
    for number in range(20):
        SharedSceneBuffer.write(b"data", name=f"scene {number % 7}", replace=True)
        SharedBuffer.create(64)
        SharedSceneBuffer.create_empty({"a": ("u1", (4,))})
    pools = [BufferPool(2, 64, name=f"pool {number}", persistent=True) for number in range(3)]
    listing = reader.listing()
    assert [str(file.id) for file in listing.buffers] == ids(store)
    assert [str(file.id) for file in listing.pools] == [pool["id"] for pool in store.pools()]
    names = {descriptor["name"]: descriptor["id"] for descriptor in store.list() if "name" in descriptor}
    assert {name: str(holder) for name, holder in listing.names.items() if name in names} == names
    assert (reader.used_bytes(), reader.quota()) == (store.used_bytes(), None)
    store.quota = 100_000_000
    assert reader.quota() == store.quota
    del pools


def test_both_say_the_same_of_what_is_damaged_and_ahead(store: Store, reader: SecondReader) -> None:
    scene = SharedSceneBuffer.write(b"data")
    path = Path(scene.path())
    number = reader.listing().buffers[0].number
    for claimed in (number + 1, 2**62, 2**62 + 1, 2**64 - 2):
        forged = uuid.uuid4()
        data = bytearray(path.read_bytes())
        data[16:32] = forged.bytes
        data[104:112] = claimed.to_bytes(8, "little")
        data[132:136] = checksum(data).to_bytes(4, "little")
        file = path.with_name(f"{forged}.shm")
        file.write_bytes(data)
        file.chmod(0o400)
        assert (reader.listing().damaged, ids(store)) == ({forged}, [scene.id])
        file.unlink()
    # Without a record nothing is ahead.
    (path.parent / ".store").unlink()
    assert [str(file.id) for file in reader.listing().buffers] == ids(store) == [scene.id]


def checksum(data: bytearray) -> int:
    """That of a header."""
    length = int.from_bytes(data[128:132], "little")
    return zlib.crc32(data[136 : 136 + length], zlib.crc32(data[128:132], zlib.crc32(data[:60])))


def test_it_refuses_a_newer_store(store: Store, reader: SecondReader) -> None:
    SharedSceneBuffer.write(b"data")
    record = Path(store.path) / ".store"
    data = bytearray(record.read_bytes())
    data[8] = 3
    record.write_bytes(data)
    with pytest.raises(NewerVersionError):
        SecondReader(Path(store.path))
    with pytest.raises(NewerVersionError):
        reader.listing()


def test_it_waits_and_sums_beside_a_process_that_publishes(store: Store, reader: SecondReader) -> None:
    SharedSceneBuffer.write(b"hero", name="hero")
    _, seen = reader.see()
    came: Counter[uuid.UUID] = Counter()
    named: set[str] = set()
    kinds = ["filled", "scene", "buffer", "arrays"]
    expected = {f"{kinds[number % 4]} {number}" for number in range(PUBLISHED)}
    with producer():
        while not expected <= named:
            new, seen = reader.wait(seen, LONG)
            assert new, f"{len(named)} of {len(expected)} came"
            came.update(file.id for file in new)
            named.update(file.name for file in new if file.name is not None)
            assert "hero" in reader.listing().names, "a name that is always there"
            assert reader.used_bytes() > 0
    assert set(came.values()) == {1}, "nothing comes twice"
    new, seen = reader.wait(seen, 0)
    came.update(file.id for file in new)
    assert set(came.values()) == {1}
    assert [str(file.id) for file in reader.listing().buffers] == ids(store)
    assert reader.used_bytes() == store.used_bytes()


def test_a_cursor_of_another_count_begins_again(store: Store, reader: SecondReader) -> None:
    first = SharedSceneBuffer.write(b"data")
    _, seen = reader.see()
    assert reader.new(seen)[0] == []
    (Path(store.path) / ".store").unlink()
    second = SharedSceneBuffer.write(b"data")
    new, seen = reader.new(seen)
    assert [str(file.id) for file in new] == [second.id, first.id]
    assert reader.new(seen)[0] == []
