"""JAX takes the memory of an ArrayView as it is. `make test-arrays` runs this, with requirements/arrays.txt."""

import gc
from typing import Any

import jax
import jax.dlpack
import numpy as np
import pytest
from dcc_mcp_shm import SharedSceneBuffer

# JAX has elements of 8 bytes only where it is asked to.
DTYPES = ["|i1", "|u1", "<i2", "<u2", "<f2", "<i4", "<u4", "<f4", "<c8", "|b1"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_are_taken_without_a_copy(dtype: str) -> None:
    arrays: dict[str, Any] = {
        "a": np.arange(3000).reshape(1000, 3).astype(dtype),
        "b": np.arange(64).reshape(4, 4, 4).astype(dtype),
    }
    scene = SharedSceneBuffer.write_arrays(arrays)
    for name, array in arrays.items():
        view: Any = scene[name]
        taken = jax.dlpack.from_dlpack(view, copy=False)
        assert taken.unsafe_buffer_pointer() == np.asarray(view).__array_interface__["data"][0]
        # What JAX holds keeps the memory.
        del view
        gc.collect()
        np.testing.assert_array_equal(np.asarray(taken), array)
        assert taken.shape == array.shape


def test_parts_that_jax_cannot_take_in_place_are_copied_right() -> None:
    """It wants memory that begins at a multiple of 64 bytes, and elements in some order without gaps."""
    points = np.arange(3000, dtype="f4").reshape(1000, 3)
    view: Any = SharedSceneBuffer.write_arrays({"a": points})["a"]
    np.testing.assert_array_equal(np.asarray(jax.dlpack.from_dlpack(view[10:20])), points[10:20])
    in_place = jax.dlpack.from_dlpack(view[16:32], copy=False)
    np.testing.assert_array_equal(np.asarray(in_place), points[16:32])
    with pytest.raises(ValueError, match="copy"):
        jax.dlpack.from_dlpack(view[10:20], copy=False)


@pytest.mark.parametrize("compressed", [False, True])
def test_what_is_calculated_is_right(compressed: bool) -> None:
    points = np.random.default_rng(1).normal(size=(500, 3)).astype("f4")
    view: Any = SharedSceneBuffer.write_arrays({"a": points}, use_compression=compressed)["a"]
    lengths = jax.jit(lambda p: jax.numpy.linalg.norm(p, axis=1))(jax.dlpack.from_dlpack(view))
    np.testing.assert_allclose(np.asarray(lengths), np.linalg.norm(points, axis=1), rtol=1e-5)
