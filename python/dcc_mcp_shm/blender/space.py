"""Where and in which units geometry is: what a scene says of its numbers, and how others are brought into it."""

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

# Names that USD has for it.
UP_AXIS, METERS, RATE, TRANSFORM = "upAxis", "metersPerUnit", "timeCodesPerSecond", "transform"
MATRIX_NUMBERS = 16


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
    meters = attrs.get(METERS)
    if isinstance(meters, int | float) and meters > 0 and not np.isclose(meters, scene.unit_settings.scale_length):
        factor = meters / scene.unit_settings.scale_length
        matrix = Matrix.Scale(factor, 4)
        said.append(f"units of {meters:g} m made {scene.unit_settings.scale_length:g} m")
    if attrs.get(UP_AXIS) == "Y":
        matrix = matrix @ Matrix.Rotation(np.pi / 2, 4, "X")
        said.append("Y up made Z up")
    return matrix, said


def transform(attrs: dict[str, Any]) -> Matrix | None:
    """The place of the object that data with these attributes is of, in the space of the data."""
    numbers = attrs.get(TRANSFORM)
    if not isinstance(numbers, list) or len(numbers) != MATRIX_NUMBERS:
        return None
    rows = np.reshape(np.array(numbers, "f8"), (4, 4))
    return Matrix(rows.T.tolist()) if np.isfinite(rows).all() else None


def moved(position: NDArray[np.float32], matrix: Matrix) -> NDArray[np.float32]:
    """Points by a matrix."""
    rows = np.array(matrix, "f8").T
    return np.ascontiguousarray(position @ rows[:3, :3] + rows[3, :3], np.float32)
