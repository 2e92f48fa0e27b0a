"""Where and in which units geometry is: what a scene says of its numbers, and how others are brought into it."""

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from dcc_mcp_shm.mesh import MeshError

# Names that USD has for it.
UP_AXIS, METERS, RATE, TRANSFORM = "upAxis", "metersPerUnit", "timeCodesPerSecond", "transform"
MATRIX_NUMBERS = 16
SMALLEST_UNIT, LARGEST_UNIT = 1e-9, 1e9
# Products of four such numbers are finite in 32 bits.
FARTHEST = 1e9


def scene_of(obj: bpy.types.Object | None) -> bpy.types.Scene:
    """The scene whose units count for an object."""
    scene = bpy.context.scene
    if obj is None or not obj.users_scene or scene in obj.users_scene:
        return scene
    return obj.users_scene[0]


def stage(scene: bpy.types.Scene) -> dict[str, Any]:
    """What the numbers of a scene mean."""
    return {
        UP_AXIS: "Z",
        METERS: scene.unit_settings.scale_length,
        RATE: scene.render.fps / scene.render.fps_base,
    }


def usd_transform(obj: bpy.types.Object) -> list[float]:
    """Object to world, the 16 numbers row by row, as USD has them.

    USD multiplies row vectors (v * M) and has the translation in numbers 12 to 14; Blender multiplies column vectors
    (M * v) and has it in the last column. So this transposes.
    """
    return [number for row in obj.matrix_world.transposed() for number in row]


def to_scene(attrs: dict[str, Any], scene: bpy.types.Scene) -> tuple[Matrix, list[str]]:
    """The matrix that brings the space of data with these attributes into the scene's, and what it does in words."""
    said: list[str] = []
    matrix = Matrix.Identity(4)
    meters, up = attrs.get(METERS), attrs.get(UP_AXIS)
    scale = scene.unit_settings.scale_length
    if meters is not None:
        if not isinstance(meters, int | float) or not SMALLEST_UNIT <= meters <= LARGEST_UNIT:
            raise MeshError(f"the attribute {METERS!r} is {meters!r:.40}, not a unit of length, such as 0.01 for cm")
        if not np.isclose(meters, scale):
            matrix = Matrix.Scale(meters / scale, 4)
            said.append(f"units of {meters:g} m made {scale:g} m")
    if up not in (None, "Y", "Z"):
        raise MeshError(f"the attribute {UP_AXIS!r} is {up!r:.40}, and neither 'Y' nor 'Z'")
    if up == "Y":
        matrix = matrix @ Matrix.Rotation(np.pi / 2, 4, "X")
        said.append("Y up made Z up")
    return matrix, said


def transform(attrs: dict[str, Any]) -> Matrix | None:
    """The place of the object that data with these attributes is of, in the space of the data.

    Without one, the data is in the space of the world.
    """
    numbers = attrs.get(TRANSFORM)
    if numbers is None:
        return None
    if (
        not isinstance(numbers, list)
        or len(numbers) != MATRIX_NUMBERS
        or not all(isinstance(number, int | float) and abs(number) < FARTHEST for number in numbers)
    ):
        raise MeshError(f"the attribute {TRANSFORM!r} is not a list of {MATRIX_NUMBERS} numbers below {FARTHEST:g}")
    rows = np.reshape(np.array(numbers, "f8"), (4, 4))
    if not np.allclose(rows[:, 3], (0, 0, 0, 1)):
        raise MeshError(
            f"the attribute {TRANSFORM!r} has {rows[:, 3].tolist()} as numbers 3, 7, 11 and 15, not 0, 0, 0, 1: it is"
            " row by row, with the translation in numbers 12 to 14"
        )
    return Matrix(rows.T.tolist())


def moved(position: NDArray[np.float32], matrix: Matrix) -> NDArray[np.float32]:
    """Points by a matrix; themselves if it moves none."""
    if matrix == Matrix.Identity(4):
        return position
    rows = np.array(matrix, "f8").T
    with np.errstate(over="ignore"):
        points = np.ascontiguousarray(position @ rows[:3, :3] + rows[3, :3], np.float32)
    if not np.isfinite(points).all():
        raise MeshError("'position' is out of range in the units of the scene")
    return points
