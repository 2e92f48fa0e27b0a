"""Every example of the reference API runs verbatim, through the module name it is written for."""

import json
import re
from pathlib import Path

import pytest
from dcc_mcp_core import PyBufferPool, PySceneDataKind, PySharedBuffer, PySharedSceneBuffer

REFERENCE = Path(__file__).parent / "reference" / "dcc_mcp_core_shm_api.txt"
# What the plain text has after a block: `read()`, `Parameters:`, `Properties`.
HEADING = re.compile(r"\w+\(\)|[A-Z][\w ]*:?")


def code_blocks() -> list[str]:
    """The text between each line `python` and the next heading."""
    blocks: list[list[str]] = []
    inside = False
    for line in REFERENCE.read_text().splitlines():
        if line == "python":
            inside = True
            blocks.append([])
        elif HEADING.fullmatch(line):
            inside = False
        elif inside:
            blocks[-1].append(line)
    return ["\n".join(lines) for lines in blocks]


def test_every_block_is_found() -> None:
    assert len(code_blocks()) == REFERENCE.read_text().splitlines().count("python") == 8


def test_every_example_runs_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for block in code_blocks():
        exec(compile(block, str(REFERENCE), "exec"), names)  # noqa: S102 - running them is the test
    printed = capsys.readouterr().out
    assert '"id"' in printed
    assert printed.rstrip().endswith("3"), "the pool of four has three free"


def test_properties_and_methods_are_what_the_reference_says() -> None:
    scene = PySharedSceneBuffer.write(data=b"abc", kind=PySceneDataKind.Geometry, source_dcc="Maya")
    assert scene.kind == PySceneDataKind.Geometry
    assert (scene.source_dcc, scene.use_compression, scene.size_bytes) == ("Maya", False, 3)
    names = ("Geometry", "AnimationCache", "Screenshot", "Arbitrary")
    kinds = [getattr(PySceneDataKind, name) for name in names]
    assert [[kind == other for other in kinds] for kind in kinds] == [[i == j for j in range(4)] for i in range(4)]

    pool = PyBufferPool(capacity=4, buffer_size=1024)
    assert (pool.capacity(), pool.buffer_size(), pool.available()) == (4, 1024, 4)
    held = [pool.acquire() for _ in range(4)]
    with pytest.raises(RuntimeError):
        pool.acquire()
    del held
    assert pool.available() == 4

    buffer = PySharedBuffer.create(capacity=10)
    assert isinstance(buffer.id, str)
    assert Path(buffer.path()).is_file()
    assert (buffer.write(b"0123456789"), buffer.data_len(), buffer.capacity()) == (10, 10, 10)
    with pytest.raises(RuntimeError):
        buffer.write(b"0123456789a")
    buffer.clear()
    assert (buffer.data_len(), buffer.read()) == (0, b"")


def test_what_users_of_that_api_rely_on() -> None:
    buffer = PySharedBuffer.create(capacity=77)
    assert "capacity=77" in repr(buffer)
    descriptor = json.loads(buffer.descriptor_json())
    assert (descriptor["id"], descriptor["path"], descriptor["capacity"]) == (buffer.id, buffer.path(), 77)

    scene = PySharedSceneBuffer.write(b"only data")
    assert (scene.total_bytes, scene.is_inline, scene.is_chunked) == (9, True, False)
    assert PySharedSceneBuffer.write(b"").read() == b""

    pool = PyBufferPool(1, 16)
    assert "capacity=1" in repr(pool)
    first = pool.acquire()
    first.write(b"old")
    del first
    assert pool.acquire().read() == b"", "a slot acquired again is empty"


def test_a_descriptor_of_dcc_mcp_core_is_refused_by_saying_so() -> None:
    foreign = '{"meta":{"id":"9e741d1524f345e7","kind":"arbitrary","total_bytes":3},"storage":{"storage":"inline"}}'
    with pytest.raises(RuntimeError, match="another implementation"):
        PySharedSceneBuffer.from_descriptor_json(foreign)
