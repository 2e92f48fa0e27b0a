"""What a description says of a mesh, against what the library takes: nothing that it refuses is called clean."""

import random
import re
from typing import Any

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer, Store
from dcc_mcp_shm.mesh import Mesh, MeshError
from numpy.typing import NDArray
from support import session, text_of

Arrays = dict[str, NDArray[Any]]
CASES = 300
CLEAN = re.compile(
    r"^All checked: [^;]*; edges: [^;]*; faces: 0 degenerate, \d+ duplicate; "
    r"points: \d+ unused, \d+ duplicate, 0 non-finite$",
    re.MULTILINE,
)
DIRTY = re.compile(r"damaged|Damaged|loose|There are no")


def whole(rng: random.Random) -> tuple[Arrays, dict[str, Any]]:
    """A mesh that the library takes, in any of the forms that it may have."""
    points = rng.randint(5, 9)
    form = rng.choice(["starts", "sizes", "rows", "both", "triangles"])
    size = rng.choice([3, 4]) if form == "rows" else 3
    sizes = [size if form in {"rows", "triangles"} else rng.randint(3, 5) for _ in range(rng.randint(1, 6))]
    faces = [rng.sample(range(points), size) for size in sizes]
    flat = np.array([point for face in faces for point in face], rng.choice(["i4", "i8", "u2", "u1"]))
    arrays: Arrays = {
        "position": np.array([[rng.random() for _ in range(3)] for _ in range(points)], rng.choice(["f4", "f8", "f2"])),
        "corner_vert": flat.reshape(-1, size) if form == "rows" else flat,
    }
    if form in {"starts", "both"}:
        arrays["face_start"] = (np.cumsum(sizes) - sizes).astype(rng.choice(["i4", "u4"]))
    if form in {"sizes", "both"}:
        arrays["face_size"] = np.array(sizes, "i4")
    corners, count = len(flat), len(sizes)
    others: Arrays = {
        "uv": np.zeros((corners, 2), "f4"),
        "uv:b": np.zeros((corners, 2), "f8"),
        "color": np.zeros((rng.choice([points, corners]), 4), rng.choice(["u1", "f4"])),
        "normal": np.ones((rng.choice([points, corners]), 3), "f4"),
        "material": np.array([rng.randint(0, 3) for _ in range(count)], rng.choice(["i4", "u1", "i8"])),
        "edge_verts": np.array([rng.sample(range(points), 2) for _ in range(rng.randint(0, 4))], "i4").reshape(-1, 2),
        "material_name": np.zeros(7, "u1"),
    }
    arrays |= {name: array for name, array in others.items() if rng.random() < 0.5}
    domains = {"position": "point", "uv": "corner", "edge_verts": "edge", "material": "face", "corner_vert": "corner"}
    return arrays, {name: domain for name, domain in domains.items() if name in arrays and rng.random() < 0.5}


def damaged(rng: random.Random, arrays: Arrays, domains: dict[str, Any]) -> tuple[Arrays, dict[str, Any]]:
    """The same with one thing changed, which may leave it whole."""
    name = rng.choice(list(arrays))
    array = arrays[name].copy()
    change = rng.choice(["number", "number", "length", "shape", "type", "domain", "add"])
    if change == "number" and array.size:
        worst: list[float] = [0, 1, 3, 120] if array.dtype.kind == "u" else [-1, 0, 1, 3, 120]
        worst += [float("nan"), float("inf"), float("-inf")] if array.dtype.kind == "f" else []
        worst += [1e39] if array.dtype == np.float64 else []
        array.reshape(-1)[rng.randrange(array.size)] = rng.choice(worst)
    elif change == "length" and len(array) > 1:
        array = array[:-1].copy() if rng.random() < 0.5 else array[1:].copy()
    elif change == "shape":
        array = array.reshape(rng.choice([(-1,), (-1, 1), (1, *array.shape)]))
    elif change == "type" and array.dtype.kind != "f":
        array = array.astype(rng.choice(["f4", "u4", "i8", "?"]))
    elif change == "domain":
        domains = domains | {name: rng.choice(["point", "corner", "face", "edge"])}
    elif change == "add":
        name, array = rng.choice(
            [
                ("face_start", np.array([0, 3], "i4")),
                ("face_size", np.array([3, 4], "i4")),
                ("edge_verts", np.array([[0, 1], [7, 8]], "i4")),
                ("uv", np.zeros((2, 2), "f4")),
                ("normal", np.zeros((2, 3), "f4")),
                ("material", np.array([0, -1], "i4")),
                ("color:x", np.zeros((2, 3), "u1")),
            ]
        )
    domains = {other: domain for other, domain in domains.items() if other != name or change == "domain"}
    return arrays | {name: np.ascontiguousarray(array)}, domains


def why_refused(scene: SharedSceneBuffer) -> str | None:
    try:
        Mesh.of(scene)
    except MeshError as error:
        return str(error)
    return None


def test_nothing_that_the_library_refuses_is_called_clean(store: Store) -> None:
    rng = random.Random(20)  # noqa: S311 (the same meshes each time)

    async def calls(client: Any) -> tuple[int, int]:
        refused = clean = 0
        for case in range(CASES):
            arrays, domains = whole(rng)
            if case % 4:
                arrays, domains = damaged(rng, arrays, domains)
            with np.errstate(over="ignore"):
                scene = SharedSceneBuffer.write_arrays(arrays, domains=domains, kind="Geometry")
                why = why_refused(scene)
            text = text_of(await client.call_tool("describe_buffer", {"buffer": scene.id}))
            shapes = {name: (array.dtype.str, array.shape) for name, array in arrays.items()}
            is_clean = bool(CLEAN.search(text)) and not DIRTY.search(text)
            assert not (why and is_clean), f"{why}\n{shapes} {domains}\n{text}"
            assert why or "refused by" not in text, f"{shapes} {domains}\n{text}"
            assert case % 4 or why is None, f"{why} {shapes}"
            refused += why is not None
            clean += is_clean
        return refused, clean

    refused, clean = session(store, "auto", calls)
    assert refused > CASES // 5
    assert clean > CASES // 5
