"""The code that `read_descriptor` gives for each program runs as it stands, in a process that knows nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dcc_mcp_shm import BufferPool, SharedBuffer, SharedSceneBuffer, Store
from dcc_mcp_shm.mesh import Mesh
from support import ROOT, session, text_of

PROGRAMS = ("python", "numpy", "blender", "trimesh", "rust", "node")
# A triangle and a quad.
MESH: dict[str, Any] = {
    "position": np.array([(0, 0, 0), (1, 0, 0), (2, 1, 0), (1, 2, 0), (0, 1, 0)], "f4"),
    "corner_vert": np.array([0, 1, 4, 1, 2, 3, 4], "i4"),
    "face_start": np.array([0, 3], "i4"),
}
BY_PYTHON = "call `read_descriptor` without `for` and run that Python"


def described(store: Store, *asked: tuple[str, str | None]) -> list[dict[str, Any]]:
    """The structured results for buffers and programs; their texts say the same."""

    async def calls(client: Any) -> list[Any]:
        # The client knows the schema from here on, and refuses what does not fit.
        await client.list_tools()
        arguments = [{"buffer": buffer} | ({"for": program} if program else {}) for buffer, program in asked]
        return [await client.call_tool("read_descriptor", one) for one in arguments]

    results = session(store, "auto", calls)
    for result in results:
        told = result.structured_content
        assert not result.is_error, text_of(result)
        assert told.get("code", told.get("no_code")) in text_of(result)
        assert len(told.get("code", "").splitlines()) <= 8
    return [dict(result.structured_content) for result in results]


def run(*command: str) -> str:
    """What a process without our environment prints."""
    done = subprocess.run(command, env={}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run_python(code: str) -> str:
    return run(sys.executable, "-W", "error", "-c", code)


def run_node(code: str) -> Any:
    node = str(ROOT / ".tools" / "node" / "bin" / "node")
    values = "JSON.stringify([array.constructor.name, Array.from(array, Number)])"
    return json.loads(run(node, "--input-type=module", "--eval", f"{code}\nconsole.log({values});"))


def test_python_is_the_default(store: Store) -> None:
    SharedSceneBuffer.write_arrays(MESH, name="hero")
    without, python, numpy = described(store, ("hero", None), ("hero", "python"), ("hero", "numpy"))
    assert without == python
    assert run_python(without["code"] + "\nprint(arrays['position'].sum(), list(arrays))") == f"8.0 {list(MESH)}"
    assert numpy["code"] == without["numpy_code"]
    assert "numpy_code" not in numpy
    assert run_python(numpy["code"] + "\nprint(array.sum(), array.shape)") == "8.0 (5, 3)"


def test_who_maps_without_the_library_is_told_that_the_scene_was_deleted_meanwhile(store: Store) -> None:
    scene = SharedSceneBuffer.write_arrays(MESH, name="hero")
    numpy, node = [found["code"] for found in described(store, ("hero", "numpy"), ("hero", "node"))]
    # What a deletion does to the path between opening the file and the last line.
    delete_it = f"os.rename({scene.path()!r}, {scene.path()!r} + '.deleted')"
    *lines, last = numpy.splitlines()
    with pytest.raises(AssertionError, match="FileNotFoundError"):
        run_python("\n".join([*lines, delete_it, last]))
    Path(scene.path() + ".deleted").rename(scene.path())
    unlinked = node.replace("for (", f"(await import('node:fs')).unlinkSync({json.dumps(scene.path())});\nfor (", 1)
    with pytest.raises(AssertionError, match="ENOENT"):
        run_node(unlinked)


@pytest.mark.parametrize("name", ["hero", '[it\'s a "hero"', None, "n" * 255])
def test_trimesh_gets_a_mesh_and_shares_what_became_of_it(name: str | None, store: Store) -> None:
    attrs = {"object": "Hero", "upAxis": "Z"}
    scene = SharedSceneBuffer.write_arrays(MESH, name=name, attrs=attrs)
    code = described(store, (scene.id, "trimesh"))[0]["code"]
    assert run_python(code + "\nprint(mesh.area, mesh.faces.shape)") == "2.5 (3, 3)"
    assert len(store.list()) == 1, "it shares nothing by itself"
    (put,) = [line.removeprefix("# ") for line in code.splitlines() if line.startswith("# put(")]
    run_python(f"{code}\nmesh.vertices *= 2\n{put}")
    named = name is not None and len(name) < 250
    new = SharedSceneBuffer.open(f"{name}-new" if named else f"result-{scene.id[:8]}")
    np.testing.assert_array_equal(Mesh.of(new).position, MESH["position"] * 2)
    assert new.attrs == attrs
    assert SharedSceneBuffer.open(scene.id).name == name, "it took no name over"


# Of two numbers.
OF_JAVASCRIPT: dict[str, tuple[str, list[float]]] = {
    "f4": ("Float32Array", [-1.5, 2]),
    "f8": ("Float64Array", [-1.5, 2]),
    "i1": ("Int8Array", [-1, 2]),
    "u1": ("Uint8Array", [1, 2]),
    "?": ("Uint8Array", [1, 0]),
    "i2": ("Int16Array", [-1, 2]),
    "u2": ("Uint16Array", [1, 2]),
    "i4": ("Int32Array", [-1, 2]),
    "u4": ("Uint32Array", [1, 2]),
    "i8": ("BigInt64Array", [-1, 2]),
    "u8": ("BigUint64Array", [1, 2]),
}
AS_BYTES = {">u2": [0, 1, 0, 2], "f2": [0, 60, 0, 64]}


def test_node_gets_numbers(store: Store) -> None:
    for dtype, (_, numbers) in (OF_JAVASCRIPT | dict.fromkeys(AS_BYTES, ("", [1, 2]))).items():
        nothing = np.zeros((0, 3), dtype)
        SharedSceneBuffer.write_arrays({"none": nothing, "n": np.array([numbers], dtype)}, name=dtype)
    expected = OF_JAVASCRIPT | {dtype: ("Uint8Array", numbers) for dtype, numbers in AS_BYTES.items()}
    for told in described(store, *((dtype, "node") for dtype in expected)):
        assert run_node(told["code"]) == list(expected[told["descriptor"]["name"]])


def test_node_gets_bytes(store: Store) -> None:
    SharedSceneBuffer.write(b"hello", name="note")
    SharedSceneBuffer.write_arrays({"none": np.zeros((0, 3))}, name="nothing")
    note, nothing = described(store, ("note", "node"), ("nothing", "node"))
    assert run_node(note["code"]) == ["Uint8Array", list(b"hello")]
    assert run_node(nothing["code"]) == ["Uint8Array", []]


def test_names_of_others_are_no_code_in_javascript(store: Store) -> None:
    name = 'a"); process.exit(1); //\u2028\u202e`${x}`'
    SharedSceneBuffer.write_arrays({name: np.ones(2, "u1")}, name="numbers")
    assert run_node(described(store, ("numbers", "node"))[0]["code"]) == ["Uint8Array", [1, 1]]


def test_node_says_when_the_file_is_cut(store: Store) -> None:
    scene = SharedSceneBuffer.write(b"hello", name="note")
    code = described(store, ("note", "node"))[0]["code"]
    path = Path(scene.path())
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])
    node = str(ROOT / ".tools" / "node" / "bin" / "node")
    done = subprocess.run([node, "--input-type=module", "--eval", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "the file ends too early" in done.stderr


def test_who_cannot_use_a_buffer_is_told_what_to_do(store: Store) -> None:
    SharedSceneBuffer.write_arrays({"position": np.ones((5000, 3), "f4")}, name="points", use_compression=True)
    SharedSceneBuffer.write_arrays(MESH | {"corner_vert": np.zeros(0, "i4")}, name="no faces")
    SharedSceneBuffer.write_arrays({"corner_vert": MESH["corner_vert"], "position": np.ones((2, 5, 3))}, name="cache")
    SharedSceneBuffer.write(b"hello", name="note")
    SharedBuffer.create(16, name="buffer")
    pool = BufferPool(1, 64)
    slot = pool.acquire()

    async def calls(client: Any) -> list[str]:
        layout = {name: {"dtype": array.dtype.str, "shape": array.shape} for name, array in MESH.items()}
        await client.call_tool("create_buffer", {"arrays": layout, "name": "empty"})
        return [str(slot.id), "points", "no faces", "cache", "note", "buffer", "empty"]

    empty = "It is empty, and can be read once it is sealed: call `wait_for_buffer` with it, then this again."
    rewritten = "It can be rewritten at any moment, and dcc_mcp_shm makes sure that one complete write is read"
    no_mesh = "It is not a mesh with `position` (n, 3) and `corner_vert`"
    neither = "It is neither a mesh with `position` (n, 3) and `corner_vert` nor a picture with `pixels`"
    expected = {
        "points": {"numpy": "It is compressed", "node": "It is compressed", "blender": neither, "trimesh": no_mesh},
        "no faces": {"blender": neither, "trimesh": no_mesh},
        "cache": {"blender": neither, "trimesh": no_mesh},
        "note": {"numpy": "It has no arrays with numbers", "blender": neither, "trimesh": no_mesh},
        "empty": dict.fromkeys(PROGRAMS[1:], empty),
    }
    asked = [(buffer, program) for buffer in session(store, "auto", calls) for program in PROGRAMS]
    for (buffer, program), told in zip(asked, described(store, *asked), strict=True):
        refused = expected.get(buffer, dict.fromkeys(("numpy", "blender", "trimesh", "node"), rewritten))
        assert ("no_code" in told) is (program in refused), (buffer, program, told)
        if program in refused:
            assert told["no_code"].startswith(refused[program]), (buffer, program)
            assert told["no_code"] == empty or BY_PYTHON in told["no_code"]


def test_code_for_a_slot_is_for_what_was_in_it_then(store: Store) -> None:
    pool = BufferPool(1, 64, name="frames")
    with pool.acquire() as slot:
        slot.write(b"a frame")
        code = described(store, (slot.id, None))[0]["code"]
        assert run_python(code + "\nprint(data)") == "b'a frame'"
    with pool.acquire() as slot:
        slot.write(b"another")
        ended = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=False)
        assert ended.stderr.splitlines()[-1].startswith("dcc_mcp_shm._native.Stale") or "Stale" in ended.stderr


def test_an_unknown_program_names_those_there_are(store: Store) -> None:
    SharedSceneBuffer.write(b"hello", name="note")

    async def calls(client: Any) -> str:
        result = await client.call_tool("read_descriptor", {"buffer": "note", "for": "maya"})
        assert result.is_error
        return text_of(result)

    told = session(store, "auto", calls)
    assert told.startswith("Bad argument `for`: unknown variant `maya`")
    assert all(f"`{program}`" in told for program in PROGRAMS), told
