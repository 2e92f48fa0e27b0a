"""The code of the prompt `share_selection` for Maya, Houdini and Nuke runs as it stands, on stand-ins for them.

The stand-ins have what the documentation of each says of the calls that are used, and nothing else.
"""
# ruff: noqa: D101, D102, D107, N802 (names are those of the programs)

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from dcc_mcp_shm import SharedSceneBuffer, Store
from dcc_mcp_shm.mesh import Mesh
from support import session

POINTS = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 0.0), (0.0, 1.0, 0.5)]
# A triangle and a quad, counter-clockwise.
FACES = [(0, 1, 2), (0, 1, 2, 3)]


def code_for(dcc: str, store: Store) -> str:
    async def prompt(client: Any) -> str:
        (message,) = (await client.get_prompt("share_selection", {"dcc": dcc})).messages
        return str(message.content.text)

    (block,) = [part.split("```")[0] for part in session(store, "auto", prompt).split("```python\n")[1:]]
    return block


def run(code: str) -> None:
    exec(compile(code, "prompt", "exec"), {})  # noqa: S102 (that it runs is the test)


def module(name: str, **contents: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(contents)
    return made


class MayaPath:
    def __init__(self, name: str | None) -> None:
        self.name = name

    def extendToShape(self) -> "MayaPath":
        if self.name is None:
            raise RuntimeError("(kInvalidParameter): Object is incompatible with this method")
        return self

    def partialPathName(self) -> str:
        return str(self.name)


class MayaMesh:
    def __init__(self, path: MayaPath) -> None:
        if path.name == "lampShape":
            raise RuntimeError("(kInvalidParameter): Object is incompatible with this method")

    def getPoints(self, space: str) -> list[SimpleNamespace]:
        assert space == "world"
        return [SimpleNamespace(x=x, y=y, z=z, w=1.0) for x, y, z in POINTS]

    def getVertices(self) -> tuple[list[int], list[int]]:
        return [len(face) for face in FACES], [point for face in FACES for point in face]


def maya() -> dict[str, ModuleType]:
    selected = [MayaPath("heroShape"), MayaPath(None), MayaPath("lampShape"), MayaPath("set|chairShape")]
    selection = SimpleNamespace(length=lambda: len(selected), getDagPath=selected.__getitem__)
    api = module(
        "maya.api.OpenMaya",
        MFnMesh=MayaMesh,
        MGlobal=SimpleNamespace(getActiveSelectionList=lambda: selection),
        MSpace=SimpleNamespace(kWorld="world"),
    )
    cmds = module("maya.cmds", upAxis=lambda query, axis: "y" if query and axis else None)
    package = module("maya.api", OpenMaya=api)
    return {
        "maya": module("maya", cmds=cmds, api=package),
        "maya.api": package,
        "maya.api.OpenMaya": api,
        "maya.cmds": cmds,
    }


class HoudiniFace:
    def __init__(self, points: tuple[int, ...], kind: str = "polygon", *, closed: bool = True) -> None:
        self.points, self.kind, self.closed = points, kind, closed

    def type(self) -> str:
        return self.kind

    def isClosed(self) -> bool:
        return self.closed

    def vertices(self) -> tuple[Any, ...]:
        # Houdini goes round the other way.
        points = (SimpleNamespace(number=lambda number=number: number) for number in reversed(self.points))
        return tuple(SimpleNamespace(point=lambda point=point: point) for point in points)


class HoudiniGeometry:
    def prims(self) -> tuple[HoudiniFace, ...]:
        others = HoudiniFace((0, 1), closed=False), HoudiniFace((0,), "volume")
        return (*others, *(HoudiniFace(face) for face in FACES))

    def points(self) -> tuple[int, ...]:
        return tuple(range(len(POINTS)))

    def pointFloatAttribValuesAsString(self, name: str) -> bytes:
        assert name == "P"
        return np.array(POINTS, "f4").tobytes()


class SopNode:
    def name(self) -> str:
        return "hero"

    def geometry(self) -> HoudiniGeometry:
        return HoudiniGeometry()


class ObjNode:
    def __init__(self, displayed: SopNode | None) -> None:
        self.displayed = displayed

    def name(self) -> str:
        return "set|chair"

    def displayNode(self) -> SopNode | None:
        return self.displayed

    def worldTransform(self) -> SimpleNamespace:
        return SimpleNamespace(asTuple=lambda: (1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0, 4.0, 5.0, 6.0, 1.0))


def houdini() -> dict[str, ModuleType]:
    nodes = (SopNode(), ObjNode(SopNode()), ObjNode(None))
    kinds = SimpleNamespace(Polygon="polygon")
    return {"hou": module("hou", ObjNode=ObjNode, SopNode=SopNode, primType=kinds, selectedNodes=lambda: nodes)}


@pytest.mark.parametrize(("dcc", "modules"), [("Maya", maya()), ("Houdini", houdini())])
def test_meshes_arrive_whole(
    dcc: str, modules: dict[str, ModuleType], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, stand_in in modules.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    run(code_for(dcc, store))
    # Neither of them has to have NumPy.
    found = {descriptor["name"]: descriptor for descriptor in store.list()}
    names = {"Maya": ["heroShape", "set|chairShape"], "Houdini": ["hero", "set|chair"]}[dcc]
    assert set(found) == {f"selection/{name}" for name in names}
    for name, descriptor in found.items():
        assert (descriptor["kind"], descriptor["source_dcc"], descriptor["group"]) == ("Geometry", dcc, "selection")
        assert descriptor["attrs"]["upAxis"] == "Y"
        mesh = Mesh.of(SharedSceneBuffer.open(name))
        np.testing.assert_array_equal(mesh.position, POINTS)
        assert [sorted(mesh.face_size.tolist()), len(mesh.corner_vert)] == [[3, 4], 7]
        faces = np.split(mesh.corner_vert, mesh.face_start[1:])
        normals = [np.cross(*(mesh.position[face[1:3]] - mesh.position[face[0]])) for face in faces]
        assert all(normal[2] > 0 for normal in normals), "their fronts are where they were"
    if dcc == "Houdini":
        assert found["selection/set|chair"]["attrs"]["transform"][12:15] == [4.0, 5.0, 6.0]


def test_nuke_gives_pixels(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted: list[Any] = []

    class Write:
        def __init__(self, file: str, file_type: str, channels: str, inputs: list[Any]) -> None:
            assert (file_type, channels, len(inputs)) == ("exr", "rgba", 1)
            self.path = file

    def execute(write: Write, first: int, last: int) -> None:
        assert first == last == 1017
        Path(write.path).write_bytes(b"\x76\x2f\x31\x01 and so on")

    stand_in = module(
        "nuke",
        frame=lambda: 1017,
        selectedNodes=lambda: [SimpleNamespace(name=lambda: "Grade1")],
        nodes=SimpleNamespace(Write=Write),
        execute=execute,
        delete=deleted.append,
    )
    monkeypatch.setitem(sys.modules, "nuke", stand_in)
    run(code_for("Nuke", store))
    scene = SharedSceneBuffer.open("selection/Grade1")
    assert scene.read() == b"\x76\x2f\x31\x01 and so on"
    assert scene.attrs == {"frame": 1017, "firstRow": "top", "premultipliedAlpha": True}
    assert (scene.source_dcc, scene.group, len(deleted)) == ("Nuke", "selection", 1)
