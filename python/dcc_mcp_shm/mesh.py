"""Meshes as arrays under the names that docs/format.md has, checked before a program that trusts them gets them.

Blender, for one, ends with a segmentation fault when a corner's index lies behind the last point.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from dcc_mcp_shm import SharedSceneBuffer, Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

Entry = TypeVar("Entry")

# Of the arrays that may be there once; sets of UVs and colours have names of their own.
DOMAINS: dict[str, Any] = {
    "position": "point",
    "corner_vert": "corner",
    "face_start": "face",
    "material": "face",
    "edge_verts": "edge",
}
MATERIAL_NAMES = ("material_name", "material_name:start")
NAMES = {*DOMAINS, "face_size", "normal", "uv", "color"}
FEWEST_CORNERS = 3
TRIANGLE, QUAD = 3, 4
# Points that an error names.
FEW = 5
AS_IT_IS = (
    "To repair it, take it unchecked by Mesh.from_arrays({name: np.asarray(scene[name]) for name in scene}), "
    "and share it by put()"
)


class MeshError(ValueError):
    """The arrays are not those of a mesh, or of one that a program can take; the message says which and why."""


@dataclasses.dataclass(frozen=True, eq=False)
class Mesh:
    """A mesh of `n` points, `c` corners and `f` faces, whose indices are all within their tables.

    Attributes:
        position: f4 (n, 3), finite.
        corner_vert: i4 (c,), the point of each corner.
        face_start: i4 (f,), the first corner of each face; a face ends where the next one begins, the last at the end.
        edge_verts: i4 (e, 2), the points of all edges, if they are given.
        normal: f4 (n or c, 3), if it is given.
        material: i4 (f,), the material of each face, if it is given.
        uv: f4 (c, 2) by the name of the set, which is empty for an array `uv`.
        color: f4 or u1 (n or c, 4) by the name of the set, which is empty for an array `color`; u1 is sRGB.
        color_domain: "point" or "corner", by the name of the set.
    """

    position: NDArray[np.float32]
    corner_vert: NDArray[np.int32]
    face_start: NDArray[np.int32]
    edge_verts: NDArray[np.int32] | None = None
    normal: NDArray[np.float32] | None = None
    material: NDArray[np.int32] | None = None
    uv: Mapping[str, NDArray[np.float32]] = dataclasses.field(default_factory=dict)
    color: Mapping[str, NDArray[Any]] = dataclasses.field(default_factory=dict)
    color_domain: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def face_size(self) -> NDArray[np.int32]:
        """i4 (f,), the number of corners of each face."""
        return np.diff(self.face_start, append=np.int32(len(self.corner_vert)))

    @classmethod
    def of(cls, scene: SharedSceneBuffer) -> Mesh:
        """The mesh in a scene, without a copy unless the scene is compressed or an array has another element type.

        Raises:
            MeshError: there is no mesh in it, or one that is not whole.
        """
        domains = domains_of(scene)
        known = {name: np.asarray(scene[name]) for name in scene if name in NAMES or name.startswith(("uv:", "color:"))}
        mesh = cls.from_arrays(known, domains)
        try:
            mesh.check()
        except MeshError as error:
            raise MeshError(f"{error}. {AS_IT_IS}") from error
        return mesh

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], domains: Mapping[str, str | None] | None = None) -> Mesh:
        """The mesh that arrays of these names are, without a copy where they are of the right types. See `check`.

        Without a domain, as many colours as points are taken for those of points.

        Raises:
            MeshError: an array is missing, or has elements of a type that none can be made of.
        """
        missing = [name for name in ("position", "corner_vert") if name not in arrays]
        if missing:
            raise MeshError(f"a mesh needs an array {missing[0]!r}; there are {', '.join(arrays) or 'none'}")
        corner_vert, face_start = _faces(arrays)
        position = _numbers("position", arrays["position"], np.float32)
        for name, domain in (domains or {}).items():
            expected = "corner" if name.partition(":")[0] == "uv" else DOMAINS.get(name, domain)
            if domain and domain != expected:
                raise MeshError(f"{name!r} is of each {domain}, not of each {expected}")
        colors = {name: _color(f"color:{name}", array) for name, array in _sets("color", arrays)}
        said = dict(_sets("color", domains or {}))
        return cls(
            position=position,
            corner_vert=corner_vert,
            face_start=face_start,
            edge_verts=_whole("edge_verts", arrays["edge_verts"]) if "edge_verts" in arrays else None,
            normal=_numbers("normal", arrays["normal"], np.float32) if "normal" in arrays else None,
            material=_whole("material", arrays["material"]) if "material" in arrays else None,
            uv={name: _numbers(f"uv:{name}", array, np.float32) for name, array in _sets("uv", arrays)},
            color=colors,
            color_domain={
                name: said.get(name) or ("point" if len(array) == len(position) else "corner")
                for name, array in colors.items()
            },
        )

    def triangles(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The points of triangles, i4 (t, 3), and the face that each is of, i4 (t,).

        Faces of more than three corners are cut into fans from their first corner, as `view_image` draws them.
        """
        count = self.face_size - (FEWEST_CORNERS - 1)
        face = np.repeat(np.arange(len(count), dtype=np.int32), count)
        # The number of each triangle within its face.
        within = np.arange(len(face), dtype=np.int32) - np.repeat(np.cumsum(count) - count, count).astype(np.int32)
        first = self.face_start[face]
        corners = np.stack([first, first + within + 1, first + within + 2], axis=1)
        return self.corner_vert[corners], face

    def to_trimesh(self) -> Any:  # noqa: ANN401 (trimesh is not needed to use this module)
        """A `trimesh.Trimesh` of the same points in the same order, with a copy of them.

        It has no UV sets and no colours. Its `face_attributes["face"]` says which face each triangle is of.
        """
        try:
            import trimesh  # noqa: PLC0415 (only who calls this needs it)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("there is no trimesh here: pip install trimesh", name=error.name) from error

        faces, face = self.triangles()
        return trimesh.Trimesh(self.position, faces, process=False, face_attributes={"face": face})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays under the names that docs/format.md has."""
        named: dict[str, NDArray[Any] | None] = {
            "position": self.position,
            "corner_vert": self.corner_vert,
            "face_start": self.face_start,
            "normal": self.normal,
            "material": self.material,
            "edge_verts": self.edge_verts,
            **{f"uv:{name}" if name else "uv": array for name, array in self.uv.items()},
            **{f"color:{name}" if name else "color": array for name, array in self.color.items()},
        }
        return {name: array for name, array in named.items() if array is not None}

    def check(self) -> None:
        """Refuse what is not whole.

        Raises:
            MeshError: with the first thing that is wrong.
        """
        points, corners, faces = len(self.position), len(self.corner_vert), len(self.face_start)
        _shape("position", self.position, (points, 3))
        self._check_finite()
        _shape("corner_vert", self.corner_vert, (corners,))
        _within("corner_vert", self.corner_vert, points, "points")
        self._check_faces()
        for name, array in self.uv.items():
            _shape(f"uv:{name}", array, (corners, 2))
        for name, array in self.color.items():
            if self.color_domain.get(name) not in {"point", "corner"}:
                raise MeshError(f"'color:{name}' is of each {self.color_domain.get(name)}, not of each point or corner")
            of_points = self.color_domain.get(name) == "point"
            _shape(f"color:{name}", array, (points if of_points else corners, 4))
        if self.normal is not None:
            _shape("normal", self.normal, (points, 3), (corners, 3))
        if self.material is not None:
            _shape("material", self.material, (faces,))
            if faces and self.material.min() < 0:
                raise MeshError("'material' has a negative number")
        if self.edge_verts is not None:
            _shape("edge_verts", self.edge_verts, (len(self.edge_verts), 2))
            _within("edge_verts", self.edge_verts, points, "points")

    def _check_finite(self) -> None:
        if np.isfinite(self.position).all():
            return
        bad = np.flatnonzero(~np.isfinite(self.position).all(axis=1))
        used = np.isin(bad, self.corner_vert).sum()
        raise MeshError(
            f"'position' has numbers that are NaN or infinite: points {', '.join(map(str, bad[:FEW]))}"
            f"{', …' if len(bad) > FEW else ''}; faces use {used} of them"
        )

    def _check_faces(self) -> None:
        corners, faces = len(self.corner_vert), len(self.face_start)
        _shape("face_start", self.face_start, (faces,))
        if not faces:
            if corners:
                raise MeshError(f"there are {corners} corners, and no faces that have them")
            return
        if self.face_start[0] != 0:
            raise MeshError(f"the first face begins with corner {self.face_start[0]}, not 0")
        # In 64 bits, where no difference of two indices overflows.
        ends = np.append(self.face_start[1:].astype(np.int64), corners)
        size = np.subtract(ends, self.face_start, dtype=np.int64)
        if (size < FEWEST_CORNERS).any():
            face = int(np.argmax(size < FEWEST_CORNERS))
            raise MeshError(f"face {face} has {size[face]} corners; a face has 3 or more")
        repeating = _first_repeating(self.corner_vert, self.face_start, size)
        if repeating is not None:
            raise MeshError(f"face {repeating} has the same point twice")


def domains_of(scene: SharedSceneBuffer) -> dict[str, str | None]:
    """The domain of each array, if it says one."""
    arrays = json.loads(scene.descriptor_json()).get("arrays", {})
    return {name: array.get("domain") for name, array in arrays.items()}


def put(
    name: str,
    mesh: Mesh | Mapping[str, Any] | Any,  # noqa: ANN401 (whatever has vertices and faces)
    *,
    like: SharedSceneBuffer | None = None,
    store: Store | None = None,
) -> SharedSceneBuffer:
    """Share a mesh that was made of another one, so that a DCC brings it back to where that came from.

    It goes 15 minutes after nobody has it open. `Store.keep`, or an agent by the tool `keep_buffer`, makes it stay.

    Args:
        name: of the new buffer, taken over from an earlier one.
        mesh: a `Mesh`; arrays by name, as `SharedSceneBuffer.write_arrays` takes them; or something with `vertices` and
            `faces`, such as a `trimesh.Trimesh`.
        like: the scene that the mesh was made of. Its units, axes, transform, group and object are those of the new
            one, but not its program, which did not write this one.
        store: where it is shared: that of `like` if it is left out, or else the default one.

    Raises:
        MeshError: the arrays are not those of a mesh. Nothing was shared.
        TypeError: it is none of what a mesh may be.
        StoreFull: there is no room for it.
    """
    said: dict[str, str | None] = domains_of(like) if like else {}
    if isinstance(mesh, Mesh):
        arrays = mesh.arrays()
        said = {f"color:{name}" if name else "color": domain for name, domain in mesh.color_domain.items()}
    elif isinstance(mesh, Mapping):
        arrays = {array: np.asarray(values) for array, values in mesh.items()}
    elif not (hasattr(mesh, "vertices") and hasattr(mesh, "faces")):
        raise TypeError(
            f"a {type(mesh).__name__} is no mesh: pass a Mesh, arrays by name, or what has vertices and faces"
        )
    else:
        arrays = {"position": np.asarray(mesh.vertices), "corner_vert": np.asarray(mesh.faces)}
    if like and "material" in arrays:
        # The names that the numbers are of.
        arrays = {array: np.asarray(like[array]) for array in MATERIAL_NAMES if array in like} | arrays
    whole = Mesh.from_arrays(arrays, {array: domain for array, domain in said.items() if array in arrays})
    whole.check()
    checked = whole.arrays()
    others = {
        array: np.ascontiguousarray(values) for array, values in arrays.items() if array not in {*checked, "face_size"}
    }
    if like and not store:
        store = Store(Path(like.path()).parent)
    options: dict[str, Any] = {"attrs": like.attrs, "group": like.group} if like else {}
    domains = DOMAINS | {f"color:{name}" if name else "color": domain for name, domain in whole.color_domain.items()}
    domains |= {name: "corner" for name in checked if name.partition(":")[0] == "uv"}
    counts = {"point": len(whole.position), "corner": len(whole.corner_vert), "face": len(whole.face_start)}
    # Of arrays that a mesh does not have, what `like` says, as long as there are as many.
    kept = {
        array: domain
        for array, values in others.items()
        if (domain := said.get(array)) and values.ndim and counts.get(domain) == len(values)
    }
    if whole.normal is not None:
        domains["normal"] = "point" if len(whole.normal) == len(whole.position) else "corner"
    return SharedSceneBuffer.write_arrays(
        checked | others,
        domains={array: domain for array, domain in domains.items() if array in checked} | kept,
        kind="Geometry",
        name=name,
        replace=True,
        store=store,
        **options,
    )


def _faces(arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """`corner_vert` and `face_start`, however the faces are given."""
    corner_vert = _whole("corner_vert", arrays["corner_vert"])
    if "face_start" in arrays:
        return corner_vert.reshape(-1), _whole("face_start", arrays["face_start"])
    if "face_size" in arrays:
        size = _whole("face_size", arrays["face_size"]).astype(np.int64)
        if size.ndim != 1:
            raise MeshError(f"'face_size' has the shape {size.shape}, not one axis")
        if size.sum() != corner_vert.size:
            raise MeshError(f"'face_size' adds up to {size.sum()}, and there are {corner_vert.size} corners")
        if (size < FEWEST_CORNERS).any():
            face = int(np.argmax(size < FEWEST_CORNERS))
            raise MeshError(f"face {face} has {size[face]} corners; a face has 3 or more")
        return corner_vert.reshape(-1), (np.cumsum(size) - size).astype(np.int32)
    width = corner_vert.shape[1] if corner_vert.ndim > 1 else TRIANGLE
    if not width or corner_vert.size % width:
        raise MeshError(f"{corner_vert.size} corners are no faces of {width}; 'face_start' says where each face begins")
    return corner_vert.reshape(-1), np.arange(0, corner_vert.size, width, dtype=np.int32)


def _sets(kind: str, arrays: Mapping[str, Entry]) -> list[tuple[str, Entry]]:
    """What there is of `kind` and `kind:<set>`, by the name of the set."""
    return [
        (name.partition(":")[2], entry) for name, entry in arrays.items() if name == kind or name.startswith(f"{kind}:")
    ]


def _numbers(name: str, array: NDArray[Any], dtype: type[np.float32]) -> NDArray[np.float32]:
    if array.dtype.kind not in "fiu":
        raise MeshError(f"{name!r} has elements of type {array.dtype}, not numbers")
    return np.ascontiguousarray(array, dtype)


def _whole(name: str, array: NDArray[Any]) -> NDArray[np.int32]:
    if array.dtype.kind not in "iu":
        raise MeshError(f"{name!r} has elements of type {array.dtype}, not whole numbers")
    largest = np.iinfo(np.int32).max
    is_wider = not np.can_cast(array.dtype, np.int32)
    if is_wider and array.size and (int(array.min()) < 0 or int(array.max()) > largest):
        raise MeshError(f"{name!r} has numbers that are not between 0 and {largest}")
    return np.ascontiguousarray(array, np.int32)


def _color(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype != np.uint8:
        return _numbers(name, array, np.float32)
    return np.ascontiguousarray(array)


def _shape(name: str, array: NDArray[Any], *shapes: tuple[int, ...]) -> None:
    if array.shape not in shapes:
        wanted = " or ".join(map(str, shapes))
        raise MeshError(f"{name!r} has the shape {array.shape}, not {wanted}")


def _within(name: str, array: NDArray[np.int32], count: int, of: str) -> None:
    if array.size and (array.min() < 0 or array.max() >= count):
        wrong = int(np.argmax((array.reshape(-1) < 0) | (array.reshape(-1) >= count)))
        raise MeshError(f"{name!r} has {array.reshape(-1)[wrong]} at {wrong}, and there are {count} {of}")


def _first_repeating(
    corner_vert: NDArray[np.int32], face_start: NDArray[np.int32], size: NDArray[np.int64]
) -> int | None:
    """The first face that has a point twice."""
    found = []
    # Of faces that are all alike, nothing needs to be sorted.
    for corners in np.unique(size) if size.min() != size.max() else size[:1]:
        faces = np.flatnonzero(size == corners)
        # Of faces that are all alike, no index is needed.
        if len(faces) == len(size):
            verts = corner_vert.reshape(-1, corners)
        else:
            verts = corner_vert[face_start[faces, None] + np.arange(corners)]
        if corners <= QUAD:
            pairs = [(a, b) for a in range(corners) for b in range(a)]
            repeats = np.zeros(len(verts), bool)
            for a, b in pairs:
                repeats |= verts[:, a] == verts[:, b]
        else:
            repeats = (np.diff(np.sort(verts, axis=1), axis=1) == 0).any(axis=1)
        if repeats.any():
            found.append(int(faces[np.argmax(repeats)]))
    return min(found, default=None)
