"""Images, renders and the viewport of a real, headless Blender, and pictures back into it."""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import bpy
import dcc_mcp_shm as shm
import numpy as np
import pytest
from conftest import RunPython
from dcc_mcp_shm import SharedSceneBuffer, Store, blender
from dcc_mcp_shm.blender import ImageError, MeshError
from numpy.typing import NDArray
from support import files_of

LINEAR, SRGB, DATA = "Linear Rec.709", "sRGB", "Non-Color"


@pytest.fixture(autouse=True)
def _empty_file() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture
def skin() -> bpy.types.Image:
    """A byte image of 3 by 2 pixels, no two alike, with alpha."""
    return image_of("skin", numbers())


def numbers(width: int = 3, height: int = 2) -> NDArray[np.float32]:
    """RGBA in steps of a byte."""
    count = width * height * 4
    return (np.arange(count, dtype="f4") * 7 % 256 / 255).astype("f4").reshape(height, width, 4)


def image_of(name: str, pixels: NDArray[Any], *, is_float: bool = False, space: str | None = None) -> bpy.types.Image:
    height, width, _ = pixels.shape
    image = bpy.data.images.new(name, width, height, alpha=True, float_buffer=is_float)
    if space:
        image.colorspace_settings.name = space
    image.pixels.foreach_set(pixels.reshape(-1))
    return image


def pixels_of(image: bpy.types.Image) -> NDArray[np.float32]:
    width, height = image.size
    pixels = np.empty((height, width, image.channels), "f4")
    image.pixels.foreach_get(pixels.reshape(-1))
    return pixels


def picture(pixels: NDArray[Any], name: str = "picture", **attrs: Any) -> SharedSceneBuffer:
    """What a program that knows nothing of Blender shares."""
    return SharedSceneBuffer.write_arrays({"pixels": pixels}, kind="Screenshot", name=name, replace=True, attrs=attrs)


def state() -> dict[str, tuple[bytes, tuple[int, ...], str, bool]]:
    """What a refused call must leave as it was."""
    return {
        image.name: (
            pixels_of(image).tobytes(),
            tuple(image.size),
            image.colorspace_settings.name,
            bool(image.packed_file),
        )
        for image in bpy.data.images
        if image.type != "RENDER_RESULT"
    }


def reopened(name: str, file: Path) -> bpy.types.Image:
    """The image after saving the file of Blender and opening it again."""
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.wm.open_mainfile(filepath=str(file))
    return bpy.data.images[name]


@pytest.mark.parametrize(("is_float", "space"), [(False, SRGB), (False, DATA), (True, LINEAR), (True, DATA)])
def test_an_image_is_shared_as_it_is_now(is_float: bool, space: str, run_python: RunPython) -> None:
    image = image_of("skin", numbers(), is_float=is_float, space=space)
    painted = numbers()[::-1]
    image.pixels.foreach_set(painted.reshape(-1))
    scene = blender.share_image(image, group="maps")
    assert (scene.name, scene.group, scene.kind) == ("skin", "maps", shm.SceneDataKind.Screenshot)
    np.testing.assert_array_equal(np.asarray(scene["pixels"]), pixels_of(image))
    np.testing.assert_allclose(np.asarray(scene["pixels"]), painted, atol=1e-6)
    attrs = scene.attrs
    assert attrs.pop("imageId").endswith(f":{image.session_uid}")
    expected = {"width": 3, "height": 2, "colorSpace": space, "firstRow": "bottom", "image": "skin"}
    assert attrs == expected | ({} if space == DATA else {"premultipliedAlpha": is_float})
    code = """
import sys
import numpy as np
from dcc_mcp_shm import SharedSceneBuffer
print(np.asarray(SharedSceneBuffer.open("skin")["pixels"]).tobytes().hex())
"""
    assert run_python(code) == pixels_of(image).tobytes().hex()


def test_floats_are_in_the_space_that_blender_works_in_whatever_that_of_the_file_is(tmp_path: Path) -> None:
    drawn = image_of("drawn", numbers(1, 1), is_float=True)
    drawn.filepath_raw, drawn.file_format = str(tmp_path / "drawn.exr"), "OPEN_EXR"
    drawn.save()
    image = bpy.data.images.load(drawn.filepath_raw)
    image.colorspace_settings.name = LINEAR
    as_in_the_file = pixels_of(image)
    image.colorspace_settings.name = "ACEScg"
    scene = blender.share_image(image)
    assert scene.attrs["colorSpace"] == LINEAR
    np.testing.assert_array_equal(np.asarray(scene["pixels"]), pixels_of(image))
    assert not np.allclose(np.asarray(scene["pixels"]), as_in_the_file, atol=0.01)
    SharedSceneBuffer.write_arrays({"pixels": np.array([[[0.1, 0.2, 0.4, 1]]], "f4")}, attrs=scene.attrs, name="made")
    assert blender.apply_image("made") == image
    assert image.colorspace_settings.name == "ACEScg"
    image.save()
    image.reload()
    np.testing.assert_allclose(pixels_of(image)[0, 0], (0.1, 0.2, 0.4, 1), atol=1e-3)


@pytest.mark.parametrize(("is_float", "space"), [(False, SRGB), (False, DATA), (True, LINEAR), (True, DATA)])
def test_what_an_agent_changed_is_in_the_image_and_in_the_saved_file(
    is_float: bool, space: str, tmp_path: Path
) -> None:
    image = image_of("skin", numbers(), is_float=is_float, space=space)
    image.use_fake_user = True
    scene = blender.share_image(image)
    changed = np.asarray(scene["pixels"])[:, ::-1].copy()
    if is_float:
        changed *= 1000
    SharedSceneBuffer.write_arrays({"pixels": changed}, attrs=scene.attrs, name="made", kind="Screenshot")
    image.name = "renamed"
    assert blender.apply_image("made") == image
    np.testing.assert_array_equal(pixels_of(image), changed)
    assert len(bpy.data.images) == 1
    again = reopened("renamed", tmp_path / "a.blend")
    np.testing.assert_array_equal(pixels_of(again), changed)
    # Loading a file gives its images other numbers; the name in this file counts then.
    (made,) = [blender.share_image(again, "again")]
    assert blender.apply_image(made) == again


def test_a_picture_of_unknown_origin_becomes_a_new_image_that_is_saved(tmp_path: Path) -> None:
    bytes_ = np.arange(24, dtype="u1").reshape(2, 4, 3) * 10
    scene = picture(bytes_, "shots/front")
    image = blender.apply_image(scene)
    assert (image.name, tuple(image.size), image.colorspace_settings.name) == ("front", (4, 2), SRGB)
    expected = np.concatenate([bytes_[::-1] / 255, np.ones((2, 4, 1))], axis=-1)
    np.testing.assert_allclose(pixels_of(image), expected, atol=1e-6)
    assert blender.apply_image(scene).name == "front.001", "nothing says that it is the same image"
    np.testing.assert_allclose(pixels_of(reopened("front", tmp_path / "a.blend")), expected, atol=1e-6)


def test_a_namesake_of_an_image_that_was_removed_keeps_its_pixels(skin: bpy.types.Image, tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    shared = blender.share_image(skin)
    bpy.data.images.remove(skin)
    namesake = image_of("skin", numbers()[::-1])
    before = pixels_of(namesake)
    assert blender.apply_image(shared) != namesake
    np.testing.assert_array_equal(pixels_of(namesake), before)


def test_a_new_image_is_of_the_kind_of_the_numbers(tmp_path: Path) -> None:
    floats = numbers(2, 2) * 3
    for attrs, is_float, space in (
        ({}, True, LINEAR),
        ({"colorSpace": "linear"}, True, LINEAR),
        ({"colorSpace": "raw"}, True, DATA),
        ({"colorSpace": "srgb"}, False, SRGB),
    ):
        image = blender.apply_image(picture(floats, firstRow="bottom", **attrs))
        assert (image.is_float, image.colorspace_settings.name) == (is_float, space)
        np.testing.assert_allclose(pixels_of(image), floats if is_float else floats.clip(0, 1), atol=1 / 255)
        image.name = space + str(is_float)
    kept = reopened(f"{LINEAR}True", tmp_path / "a.blend")
    np.testing.assert_array_equal(pixels_of(kept), floats)
    np.testing.assert_array_equal(pixels_of(bpy.data.images[f"{DATA}True"]), floats)
    normals = blender.apply_image(picture(np.full((1, 1, 3), 128, "u1"), colorSpace=DATA))
    assert (normals.is_float, normals.colorspace_settings.is_data) == (False, True)


def test_one_channel_and_the_first_row_at_the_bottom() -> None:
    gray = np.array([[0, 51], [102, 255]], "u1")
    for pixels in (gray, gray[..., np.newaxis]):
        image = blender.apply_image(picture(pixels, firstRow="bottom"))
        np.testing.assert_allclose(pixels_of(image)[..., 0], gray / 255, atol=1e-6)
        np.testing.assert_array_equal(pixels_of(image)[..., 0], pixels_of(image)[..., 2])
        assert (pixels_of(image)[..., 3] == 1).all()


def test_raw_pixels_and_compressed_ones_are_pixels(skin: bpy.types.Image) -> None:
    raw = np.arange(12, dtype="u1")
    attrs = {"width": 2, "height": 2, "channels": 3, "firstRow": "bottom"}
    image = blender.apply_image(SharedSceneBuffer.write(raw.tobytes(), "Screenshot", attrs=attrs))
    np.testing.assert_allclose(pixels_of(image)[..., :3], raw.reshape(2, 2, 3) / 255, atol=1e-6)
    pixels = np.repeat(numbers(), 1000, axis=1)
    shared = blender.share_image(skin)
    packed = SharedSceneBuffer.write_arrays({"pixels": pixels}, use_compression=True, attrs=shared.attrs)
    assert blender.apply_image(packed) == skin
    np.testing.assert_allclose(pixels_of(skin), pixels, atol=1e-6)


@pytest.mark.parametrize("is_float", [False, True])
def test_another_size_is_that_of_the_image(is_float: bool, tmp_path: Path) -> None:
    image = image_of("skin", numbers(), is_float=is_float)
    image.use_fake_user = True
    scene = blender.share_image(image)
    for size in ((7, 5), (2, 1)):
        SharedSceneBuffer.write_arrays({"pixels": numbers(*size)}, attrs=scene.attrs, name="made", replace=True)
        assert blender.apply_image("made") == image
        np.testing.assert_allclose(pixels_of(image), numbers(*size), atol=1e-6)
    again = reopened("skin", tmp_path / "a.blend")
    np.testing.assert_allclose(pixels_of(again), numbers(*size), atol=1e-6)


@pytest.mark.parametrize("kind", ["a packed file of 16 bits", "floats of another space"])
def test_another_size_is_that_of_an_image_that_blender_loads_again(kind: str, tmp_path: Path) -> None:
    drawn = image_of("drawn", numbers(), is_float=True)
    if kind == "a packed file of 16 bits":
        settings = bpy.context.scene.render.image_settings
        settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "16"
        drawn.save_render(str(tmp_path / "drawn.png"), scene=bpy.context.scene)
        image = bpy.data.images.load(str(tmp_path / "drawn.png"))
        image.pack()
        assert (image.is_float, image.alpha_mode) == (True, "STRAIGHT")
    else:
        image = drawn
        image.colorspace_settings.name = "ACEScg"
    scene = blender.share_image(image)
    SharedSceneBuffer.write_arrays({"pixels": numbers(7, 5)}, attrs=scene.attrs, name="made")
    assert blender.apply_image("made") == image
    assert tuple(image.size) == (7, 5)
    np.testing.assert_allclose(pixels_of(image), numbers(7, 5), atol=1e-6)
    name, image.use_fake_user = image.name, True
    np.testing.assert_allclose(pixels_of(reopened(name, tmp_path / "a.blend")), numbers(7, 5), atol=1e-3)


def test_an_image_with_a_file_of_its_own_is_modified_and_saved_by_its_artist(
    skin: bpy.types.Image, tmp_path: Path
) -> None:
    file = tmp_path / "skin.png"
    skin.filepath_raw, skin.file_format = str(file), "PNG"
    skin.save()
    image = bpy.data.images.load(str(file))
    before = file.read_bytes()
    scene = blender.share_image(image, "maps/skin")
    changed = 1 - np.asarray(scene["pixels"])
    SharedSceneBuffer.write_arrays({"pixels": changed}, attrs=scene.attrs, name="made")
    assert blender.apply_image("made") == image
    assert image.is_dirty
    assert not image.packed_file
    assert file.read_bytes() == before
    image.save()
    image.reload()
    np.testing.assert_allclose(pixels_of(image), changed, atol=1e-6)


def test_numbers_that_an_image_cannot_hold_go_into_a_new_one(skin: bpy.types.Image) -> None:
    shared = blender.share_image(skin)
    linear = {**shared.attrs, "colorSpace": LINEAR}
    SharedSceneBuffer.write_arrays({"pixels": numbers() * 9}, attrs=linear, name="linear")
    before = state()
    with pytest.raises(ValueError, match=f"'skin' holds 'sRGB', not '{LINEAR}': convert it first; without `image`"):
        blender.apply_image("linear", skin)
    with pytest.raises(ValueError, match="'skin' has bytes in 'sRGB', and the data does not say its 'colorSpace'"):
        blender.apply_image(picture(numbers()), skin)
    assert state() == before
    made = blender.apply_image("linear")
    assert (made.name, made.is_float) == ("linear", True)
    assert pixels_of(made).max() > 8
    assert state()["skin"] == before["skin"]
    blender.apply_image(picture(np.zeros((2, 3, 4), "u1")), skin)
    assert not pixels_of(skin).any(), "bytes for bytes need not say their space"


def test_alpha_is_multiplied_or_not_as_the_image_has_it() -> None:
    straight = np.array([[[0.8, 0.4, 0.2, 0.5], [0.5, 0.5, 0.5, 0]]], "f4")
    multiplied = straight * straight[..., 3:] ** [1, 1, 1, 0]
    linear = blender.apply_image(picture(straight, premultipliedAlpha=False))
    np.testing.assert_allclose(pixels_of(linear), multiplied, atol=1e-6)
    linear = blender.apply_image(picture(multiplied.astype("f4"), premultipliedAlpha=True))
    np.testing.assert_allclose(pixels_of(linear), multiplied, atol=1e-6)
    display = blender.apply_image(picture(multiplied.astype("f4"), premultipliedAlpha=True, colorSpace=SRGB))
    np.testing.assert_allclose(pixels_of(display)[0, 0], straight[0, 0], atol=1 / 255)
    assert not pixels_of(display)[0, 1].any()


BAD: list[tuple[str, NDArray[Any], dict[str, Any]]] = [
    ("elements of int32", np.zeros((2, 3, 4), "i4"), {}),
    ("elements of uint16", np.zeros((2, 3, 4), "u2"), {}),
    ("NaN or infinite", np.full((2, 3, 4), np.nan, "f4"), {}),
    ("NaN or infinite", np.full((2, 3, 4), 1e39, "f8"), {}),
    ("NaN or infinite", np.full((2, 3, 4), np.inf, "f2"), {}),
    (r"shape \(2, 3, 2\)", np.zeros((2, 3, 2), "u1"), {}),
    (r"shape \(2, 3, 5\)", np.zeros((2, 3, 5), "u1"), {}),
    (r"shape \(6,\)", np.zeros(6, "u1"), {}),
    (r"shape \(1, 2, 3, 4\)", np.zeros((1, 2, 3, 4), "u1"), {}),
    (r"shape \(0, 3, 4\)", np.zeros((0, 3, 4), "u1"), {}),
    ("up to 65536 pixels a side", np.zeros((1, 70_000), "u1"), {}),
    ("'firstRow' is 'left'", np.zeros((2, 3, 4), "u1"), {"firstRow": "left"}),
    (r"'firstRow' is \['top'\]", np.zeros((2, 3, 4), "u1"), {"firstRow": ["top"]}),
    ("'premultipliedAlpha' is 'no'", np.zeros((2, 3, 4), "u1"), {"premultipliedAlpha": "no"}),
    ("'colorSpace' is 'Kodak'", np.zeros((2, 3, 4), "u1"), {"colorSpace": "Kodak"}),
    ("'colorSpace' is 7", np.zeros((2, 3, 4), "u1"), {"colorSpace": 7}),
    ("floats are in 'ACEScg'", np.zeros((2, 3, 4), "f4"), {"colorSpace": "ACEScg"}),
]


@pytest.mark.parametrize(
    ("message", "pixels", "attrs"), BAD, ids=[f"{message} {n}" for n, (message, *_) in enumerate(BAD)]
)
def test_what_is_no_image_changes_nothing(
    message: str, pixels: NDArray[Any], attrs: dict[str, Any], skin: bpy.types.Image
) -> None:
    shared = blender.share_image(skin)
    before = state()
    for said in ({}, shared.attrs):
        with pytest.raises(ImageError, match=message):
            blender.apply_image(picture(pixels, **said | attrs))
    assert state() == before


def test_what_has_no_pixels_changes_nothing(skin: bpy.types.Image) -> None:
    bpy.ops.mesh.primitive_cube_add()
    before = state()
    blender.share(bpy.context.object, "cube")
    with pytest.raises(ImageError, match=r"a mesh: apply\(\) takes it"):
        blender.apply_image("cube")
    shared = blender.share_image(skin)
    with pytest.raises(MeshError, match=r"an image: apply_image\(\) takes it"):
        blender.apply("skin")
    with pytest.raises(MeshError, match=r"an image: apply_image\(\) takes it"):
        blender.apply("skin", bpy.context.object)
    for attrs in (
        {},
        {"width": 3, "height": 2},
        {"width": "3", "height": None},
        {"width": 1, "height": 2, "dtype": "O"},
    ):
        with pytest.raises(ImageError, match=r"are not an image of|needs an array 'pixels'; there are none"):
            blender.apply_image(SharedSceneBuffer.write(b"no pixels", "Screenshot", attrs=attrs))
    SharedSceneBuffer.write_arrays({"depth": np.zeros((2, 3), "f4")}, name="depth")
    with pytest.raises(ImageError, match="'pixels'; there are depth"):
        blender.apply_image("depth")
    SharedSceneBuffer.create_empty({"pixels": ("u1", (2, 3, 4))}, name="empty")
    with pytest.raises(shm.NotSealed):
        blender.apply_image("empty")
    shared.unlink()
    with pytest.raises(shm.NotFound):
        blender.apply_image("skin")
    assert state() == before


def images_that_cannot_be_shared(folder: Path) -> dict[str, bpy.types.Image]:
    """By what is said of them."""
    (folder / "film.avi").write_bytes(b"no film")
    sequence = bpy.data.images.new("sequence", 2, 2)
    sequence.source = "SEQUENCE"
    missing = bpy.data.images.new("missing", 2, 2)
    missing.source, missing.filepath = "FILE", str(folder / "missing.png")
    return {
        "is a movie": bpy.data.images.load(str(folder / "film.avi")),
        "is a sequence": sequence,
        "has tiles": bpy.data.images.new("tiles", 2, 2, tiled=True),
        "is stereoscopic": bpy.data.images.new("both", 2, 2, stereo3d=True),
        "its file cannot be read": missing,
    }


def test_an_image_that_is_not_one_image_is_refused_both_ways(tmp_path: Path, store: Store) -> None:
    for message, image in images_that_cannot_be_shared(tmp_path).items():
        with pytest.raises(ValueError, match=message):
            blender.share_image(image)
    assert files_of(store) == []
    scene = picture(np.zeros((2, 2, 4), "u1"))
    for message, image in images_that_cannot_be_shared(tmp_path).items():
        with pytest.raises(ValueError, match=message):
            blender.apply_image(scene, image)


def test_names_that_a_buffer_cannot_have_are_refused(skin: bpy.types.Image, store: Store) -> None:
    for name in ("", "x" * 256, "a\nb"):
        with pytest.raises(ValueError, match="cannot be a name"):
            blender.share_image(skin, name)
        with pytest.raises(ValueError, match="cannot be a name"):
            blender.share_render(name)
        with pytest.raises(ValueError, match="cannot be a name"):
            blender.share_viewport(name)
    assert files_of(store) == []
    skin.name = "a/" + "b" * 61
    assert blender.share_image(skin).name == skin.name


def test_a_full_store_keeps_what_was_shared_before(skin: bpy.types.Image, store: Store) -> None:
    first = blender.share_image(skin)
    large = bpy.data.images.new("large", 1024, 1024)
    store.quota = 1 << 20
    with pytest.raises(shm.StoreFull):
        blender.share_image(large, "skin")
    store.quota = None
    assert SharedSceneBuffer.open("skin").id == first.id


def test_undo_removes_a_new_image(skin: bpy.types.Image) -> None:
    bpy.ops.ed.undo_push(message="before")
    blender.apply_image(picture(np.zeros((2, 2), "u1"), "new"))
    assert bpy.data.images.keys() == ["new", skin.name]
    bpy.ops.ed.undo()
    assert bpy.data.images.keys() == ["skin"]


@pytest.mark.parametrize("is_packed", [False, True])
def test_what_undo_leaves_on_the_screen_is_marked_as_not_saved(is_packed: bool, skin: bpy.types.Image) -> None:
    if is_packed:
        skin.pack()
    scene = blender.share_image(skin)
    changed = 1 - np.asarray(scene["pixels"])
    SharedSceneBuffer.write_arrays({"pixels": changed}, attrs=scene.attrs, name="made")
    bpy.ops.ed.undo_push(message="before")
    blender.apply_image("made")
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.ed.undo_push(message="something else")
    bpy.ops.ed.undo()
    assert bpy.data.images["skin"].packed_file, "undoing something else takes nothing away"
    bpy.ops.ed.undo()
    image = bpy.data.images["skin"]
    assert bool(image.packed_file) == is_packed
    np.testing.assert_allclose(pixels_of(image), changed, atol=1e-6)
    assert image.is_dirty, "or Blender lets it be lost without a question"


def test_a_linked_image_stays_as_it_is(skin: bpy.types.Image, tmp_path: Path) -> None:
    skin.pack()
    bpy.data.libraries.write(str(tmp_path / "library.blend"), {skin})
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, into):
        into.images = ["skin"]
    (linked,) = bpy.data.images
    shared = blender.share_image(linked)
    before = state()
    with pytest.raises(ValueError, match="is linked from another file"):
        blender.apply_image(shared, linked)
    made = blender.apply_image(shared)
    assert (made != linked, state()["skin"]) == (True, before["skin"])


@pytest.fixture
def shot() -> bpy.types.Scene:
    """A scene that renders in no time, and not black."""
    bpy.ops.mesh.primitive_monkey_add()
    bpy.ops.object.light_add(type="SUN")
    bpy.ops.object.camera_add(location=(0, 0, 5))
    scene = bpy.context.scene
    scene.camera = bpy.context.object
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 64, 36
    return scene


def test_what_was_rendered_is_shared_without_rendering_again(shot: bpy.types.Scene) -> None:
    settings = shot.render.image_settings
    settings.file_format, settings.color_depth, settings.exr_codec = "PNG", "16", "ZIP"
    settings.color_management = "OVERRIDE"
    shot.frame_set(-7)
    bpy.ops.render.render()
    rendered = []
    bpy.app.handlers.render_pre.append(lambda *_: rendered.append(1))
    try:
        first = blender.share_render(group="shot")
        shot.frame_set(3)
        bpy.data.objects.remove(bpy.data.objects["Suzanne"])
        second = blender.share_render()
    finally:
        bpy.app.handlers.render_pre.clear()
    assert not rendered
    assert SharedSceneBuffer.open("render").id == second.id
    assert (first.group, first.kind) == ("shot", shm.SceneDataKind.Screenshot)
    pixels = np.asarray(first["pixels"])
    assert pixels.shape == (36, 64, 4)
    assert pixels.dtype == np.float32
    assert pixels[..., :3].std() > 0.01, "there is something to see"
    np.testing.assert_array_equal(pixels, np.asarray(second["pixels"]))
    assert second.attrs == first.attrs
    assert first.attrs == {
        "width": 64,
        "height": 36,
        "colorSpace": LINEAR,
        "firstRow": "bottom",
        "premultipliedAlpha": True,
        "frame": -7,
    }
    kept = (settings.file_format, settings.color_depth, settings.exr_codec, settings.color_management)
    assert kept == ("PNG", "16", "ZIP", "OVERRIDE")
    assert bpy.data.images.keys() == ["Render Result"]
    image = blender.apply_image(first)
    np.testing.assert_array_equal(pixels_of(image), pixels)


@pytest.mark.skipif(bpy.app.version < (5, 0, 0), reason="before Blender 5.0 a file has no say in it")
def test_a_render_is_in_the_space_that_the_file_works_in(shot: bpy.types.Scene) -> None:
    bpy.ops.wm.set_working_color_space(working_space="ACEScg", convert_colors=False)
    bpy.data.objects.remove(bpy.data.objects["Suzanne"])
    shot.world = bpy.data.worlds.new("World")
    shot.world.use_nodes = True
    shot.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.1, 0.2, 0.4, 1)
    bpy.ops.render.render()
    scene = blender.share_render()
    assert scene.attrs["colorSpace"] == "ACEScg"
    np.testing.assert_allclose(np.asarray(scene["pixels"])[10, 10], (0.1, 0.2, 0.4, 1), atol=1e-5)
    image = blender.apply_image(scene)
    np.testing.assert_array_equal(pixels_of(image), np.asarray(scene["pixels"]))


def test_a_codec_that_is_not_for_these_settings_stays(shot: bpy.types.Scene) -> None:
    settings = shot.render.image_settings
    settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR", "16", "B44"
    settings.file_format, settings.color_depth, settings.color_management = "PNG", "8", "OVERRIDE"
    bpy.ops.render.render()
    blender.share_render()
    assert (settings.file_format, settings.color_depth, settings.color_management) == ("PNG", "8", "OVERRIDE")
    settings.file_format, settings.color_depth = "OPEN_EXR", "16"
    assert settings.exr_codec == "B44"


def test_a_frame_that_the_memory_has_no_room_for_is_not_shared_in_part(shot: bpy.types.Scene, store: Store) -> None:
    bpy.ops.render.render()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        for most in (0, 64, 8192):
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
            with pytest.raises(shm.StoreFull, match="has no room for the frame"):
                blender.share_render()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files_of(store) == []
    assert bpy.data.images.keys() == ["Render Result"]
    assert shot.render.image_settings.color_depth == "8"


def test_a_film_is_no_obstacle_to_share_a_frame(shot: bpy.types.Scene) -> None:
    settings = shot.render.image_settings
    if bpy.app.version >= (5, 0, 0):
        settings.media_type = "VIDEO"
    else:
        settings.file_format = "FFMPEG"
    bpy.ops.render.render()
    assert np.asarray(blender.share_render()["pixels"]).any()
    assert settings.file_format == "FFMPEG"


def test_without_a_render_there_is_none_to_share(shot: bpy.types.Scene, store: Store) -> None:
    with pytest.raises(RuntimeError, match="nothing was rendered yet: render first"):
        blender.share_render()
    bpy.ops.render.render()
    with pytest.raises(ValueError, match=r"share_render\(\) shares it"):
        blender.share_image(bpy.data.images["Render Result"])
    shot.render.use_multiview = True
    with pytest.raises(RuntimeError, match="renders several views"):
        blender.share_render()
    shot.render.use_multiview = False
    bpy.context.window.scene = bpy.data.scenes.new("empty")
    with pytest.raises(RuntimeError, match=r"the render of the scene 'empty' .*: if there is none yet, render first"):
        blender.share_render()
    assert files_of(store) == []


def test_several_layers_are_not_one_image(shot: bpy.types.Scene, tmp_path: Path) -> None:
    settings = shot.render.image_settings
    if bpy.app.version >= (5, 0, 0):
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format = "OPEN_EXR_MULTILAYER"
    shot.render.filepath = str(tmp_path / "layers.exr")
    bpy.ops.render.render(write_still=True)
    with pytest.raises(ValueError, match="has several layers"):
        blender.share_image(bpy.data.images.load(shot.render.filepath))


# In a process of its own: drivers of graphics cards start threads and print what they like.
VIEWPORT = """
import sys
import bpy
import numpy as np
from dcc_mcp_shm import blender

def shared(**size):
    try:
        scene = blender.share_viewport(**size)
    except RuntimeError as error:
        sys.exit(str(error))
    pixels = np.asarray(scene["pixels"])
    attrs = scene.attrs
    assert pixels.dtype == np.uint8
    assert pixels.shape == (attrs["height"], attrs["width"], 4)
    assert (attrs["colorSpace"], attrs["firstRow"], attrs["frame"]) == ("sRGB", "bottom", 1)
    assert (pixels[..., 3] == 255).all()
    assert pixels[..., :3].std() > 1, "there is something to see"
    return pixels.astype(int)

both = shared(width=160, height=90)
narrow = shared(width=80, height=90)
assert abs(both[:, 40:120] - narrow)[..., :3].mean() < 3, "less is seen at the sides, of the same size"
areas = [area for area in bpy.context.window.screen.areas if area.type == "VIEW_3D"]
whole = shared(width=80)
region = next(region for region in areas[0].regions if region.type == "WINDOW")
assert whole.shape[0] == round(80 * region.height / region.width)
space = areas[0].spaces.active
bpy.data.objects["Cube"].location.x += 2
moved = shared(width=160, height=90)
assert abs(moved - both)[..., :3].mean() > 1, "where the object is now"
space.region_3d.view_distance *= 3
assert abs(shared(width=160, height=90) - moved)[..., :3].mean() > 1, "from where one looks now"
space.region_3d.view_perspective = "CAMERA"
camera = shared(height=90)
assert camera.shape[:2] == (90, 160), "in the proportions of a render"
assert abs(camera - both)[..., :3].mean() > 3
bpy.data.objects["Camera"].location.z += 2
raised = shared(height=90)
assert abs(raised - camera)[..., :3].mean() > 1, "where the camera is now"
bpy.context.scene.render.pixel_aspect_x = 2
assert abs(shared(height=90) - raised)[..., :3].mean() > 1, "as wide pixels as in a render"
bpy.context.scene.render.pixel_aspect_x = 1
above = bpy.data.objects.new("above", bpy.data.cameras.new("above"))
bpy.context.collection.objects.link(above)
above.location.z = 20
space.use_local_camera, space.camera = True, above
assert abs(shared(height=90) - raised)[..., :3].mean() > 1, "the camera of the viewport"
space.use_local_camera = False
assert abs(shared(height=90) - raised)[..., :3].mean() < 1, "the camera of the scene"
areas[0].type = "CONSOLE"
assert shared(height=90).shape == camera.shape, "no viewport is open: what the camera sees"
bpy.context.scene.camera = None
try:
    blender.share_viewport()
except RuntimeError as error:
    assert "give the scene a camera" in str(error), error
else:
    sys.exit("nothing looks, and something was shared")
"""


def test_the_viewport_is_drawn_where_blender_can(store: Store) -> None:
    command = [sys.executable, "-c", VIEWPORT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if bpy.app.version < (5, 2, 0):
        assert "cannot draw without a window" in done.stderr.splitlines()[-1]
        assert files_of(store) == []
    else:
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("size", [{"width": 0}, {"height": -1}, {"width": 100_000, "height": 1}])
def test_a_size_that_there_is_not_is_refused(size: dict[str, Any], store: Store) -> None:
    with pytest.raises(ValueError, match="cannot be drawn: a side has 1 to 16384"):
        blender.share_viewport(**size)
    assert files_of(store) == []
