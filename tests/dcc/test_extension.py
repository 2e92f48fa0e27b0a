"""The extension in a real, headless Blender, which an artist has installed the zip into.

It is the zip in dist, or the one that DCC_MCP_SHM_EXTENSION names.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import textwrap
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import pytest
from dcc_mcp_shm import SharedSceneBuffer, Store

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "packaging/blender"

# A new user of Blender, with a cube that is selected.
USER = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
import bpy
import addon_utils
import numpy as np

NAME = "bl_ext.user_default.dcc_mcp_shm"
do = bpy.ops.dcc_mcp_shm


def install():
    done = bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
    assert done == {"FINISHED"} and NAME in bpy.context.preferences.addons


def preferences():
    return bpy.context.preferences.addons[NAME].preferences


def state():
    return bpy.context.window_manager.dcc_mcp_shm


def log():
    return Path(bpy.utils.extension_path_user(NAME), "dcc_mcp_shm.log").read_text()


def scene():
    meshes = [obj for obj in bpy.data.objects if obj.type == "MESH"]
    return {obj.name: [max(c) for c in zip(*(v.co for v in obj.data.vertices))] for obj in meshes}


def module(name):
    return getattr(sys.modules[NAME], name)


def whole():
    def values(attribute):
        found = [getattr(element, element.bl_rna.properties[1].identifier) for element in attribute.data]
        return [tuple(value) if hasattr(value, "__len__") else value for value in found]

    blocks = (bpy.data.objects, bpy.data.meshes, bpy.data.materials, bpy.data.images)
    return [block.name for blocks_ in blocks for block in blocks_], [
        [mesh.name, mesh.materials.keys(), {attribute.name: values(attribute) for attribute in mesh.attributes}]
        for mesh in bpy.data.meshes
    ]


def refused(operator, **arguments):
    before = whole()
    try:
        operator(**arguments)
    except RuntimeError as error:
        assert str(error).strip() == f"Error: {state().said}"
        assert state().has_failed and whole() == before
        return state().said
    raise AssertionError(f"{operator} did not fail")


def agent_doubles(buffer, name):
    from dcc_mcp_shm import SharedSceneBuffer
    from dcc_mcp_shm.mesh import put
    shared = SharedSceneBuffer.open(buffer)
    arrays = {array: np.array(shared[array]) for array in shared}
    arrays["position"] *= 2
    put(name, arrays, like=shared)


class Button:
    def __init__(self, name):
        self.__dict__["known"] = eval(f"bpy.ops.{name}").get_rna_type()

    def __setattr__(self, name, value):
        assert name in self.known.properties


class Layout:
    icons = bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items.keys()

    def __init__(self):
        self.texts = []

    def row(self, align=False):
        return self

    box = column = row

    def label(self, text, icon="NONE"):
        assert icon in self.icons
        self.texts.append(text)

    def prop(self, data, name):
        self.label(data.bl_rna.properties[name].name)

    def operator(self, name, text=None, icon="NONE"):
        button = Button(name)
        self.label(button.known.name if text is None else text, icon)
        return button

    def template_list(self, kind, _, data, items, active, active_name, rows):
        for item in getattr(data, items):
            getattr(bpy.types, kind).draw_item(None, bpy.context, self, data, item, 0, active, active_name)


def drawn(panel, image=None, width=1000):
    layout = Layout()
    context = SimpleNamespace(
        region=SimpleNamespace(width=width),
        # Blender's own has no scale without a window.
        preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1)),
        active_object=bpy.context.active_object,
        space_data=SimpleNamespace(type=getattr(panel, "bl_space_type", "PREFERENCES"), image=image),
    )
    panel.draw(SimpleNamespace(layout=layout, bl_rna=panel.bl_rna), context)
    return layout.texts


bpy.ops.wm.read_factory_settings(use_empty=True)
addon_utils.enable("bl_pkg")
bpy.ops.mesh.primitive_cube_add(location=(1, 2, 3))
"""

Blender = Callable[..., Any]


@pytest.fixture(scope="session")
def extension() -> Path:
    """The zip."""
    if given := os.environ.get("DCC_MCP_SHM_EXTENSION"):
        return Path(given)
    (built,) = (ROOT / "dist").glob("dcc_mcp_shm-blender-*.zip")
    return built


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Blender itself needs, without the module that is installed for the other tests."""
    directory = tmp_path_factory.mktemp("packages")
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if not package.name.startswith("dcc_mcp_"):
            (directory / package.name).symlink_to(package)
    return directory


@pytest.fixture
def blender(extension: Path, packages: Path, tmp_path: Path) -> Blender:
    """Runs code in a Blender of its own that the extension is installed into; gives what it has put into `result`."""

    def run(code: str, *, path: tuple[Path, ...] = ()) -> Any:
        script = "\n".join([USER, "install()", textwrap.dedent(code), "print('\\nresult', json.dumps(result))"])
        done = subprocess.run(
            # Without site, or the environment would be there as well.
            [sys.executable, "-S", "-c", script, str(extension)],
            env=os.environ
            | {
                "BLENDER_USER_RESOURCES": str(tmp_path / "user"),
                "PYTHONPATH": os.pathsep.join(map(str, [*path, packages])),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return json.loads(done.stdout.rpartition("\nresult ")[2])

    return run


def test_the_zip_has_what_it_says_and_no_more(extension: Path) -> None:
    with zipfile.ZipFile(extension) as archive:
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
        names = set(archive.namelist())
    (wheel,) = manifest["wheels"]
    modules = {file.name for file in SOURCES.glob("*.py")}
    assert names == {*modules, "blender_manifest.toml", "LICENSE", "README.md", wheel.removeprefix("./")}
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert manifest["version"] == workspace
    assert Path(wheel).name.startswith(f"dcc_mcp_shm-{workspace}-cp311-abi3-manylinux")


def test_blenders_own_tool_finds_nothing_wrong_with_it(extension: Path) -> None:
    scripts = Path(bpy.utils.system_resource("SCRIPTS"))
    tool, tags = scripts / "addons_core/bl_pkg/cli/blender_ext.py", scripts / "modules/_bpy_internal/extensions/tags.py"
    command = [sys.executable, str(tool), "validate", "--valid-tags", str(tags), str(extension)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_module_that_is_used_came_with_the_zip(blender: Blender) -> None:
    module, extensions, problem = blender("""
        import dcc_mcp_shm
        result = dcc_mcp_shm.__file__, bpy.utils.user_resource("EXTENSIONS"), sys.modules[NAME].installation.problem()
    """)
    assert Path(module).is_relative_to(extensions)
    assert problem == ""


def test_what_an_agent_made_of_the_selection_is_listed_and_applied(blender: Blender) -> None:
    listed, done = blender("""
        do.share_selection(modifiers=False)
        done = [[state().said, scene()]]
        agent_doubles("Cube", "bigger")
        do.refresh()
        state().chosen = 0
        listed = [[b.name, b.what, b.maker.partition(" ")[0], b.is_foreign, b.source] for b in state().buffers]
        for to in ("SOURCE", "SOURCE", "NEW"):
            do.apply(to=to)
            done.append([state().said, scene()])
        bpy.ops.mesh.primitive_cube_add()
        do.apply(buffer="bigger", to="ACTIVE")
        done.append([state().said, scene()])
        result = listed, done
    """)
    assert listed == [
        ["bigger", "8 points, 6 faces, 832 bytes", "", True, "Cube"],
        ["Cube", "8 points, 6 faces, 832 bytes", "Blender", False, "Cube"],
    ]
    cube, bigger = {"Cube": [1, 1, 1]}, {"Cube": [2, 2, 2]}
    assert done == [
        ["Shared 'Cube'", cube],
        ["'Cube' updated in place: points", bigger],
        ["'Cube' updated in place: nothing differs", bigger],
        ["'bigger' is new", bigger | {"bigger": [2, 2, 2]}],
        ["'Cube.001' updated in place: points", bigger | {"bigger": [2, 2, 2], "Cube.001": [2, 2, 2]}],
    ]


def test_what_is_applied_is_one_step_of_undo_and_the_last_operation(blender: Blender) -> None:
    scenes, cancelled, listed = blender("""
        def by_artist(operator, **arguments):
            # What a script calls makes no step of undo otherwise.
            (done,) = operator("EXEC_DEFAULT", True, **arguments)
            operators = bpy.context.window_manager.operators
            return done, [last.name for last in operators if {"REGISTER", "UNDO"} <= last.bl_options][-1:]

        from dcc_mcp_shm import SharedSceneBuffer
        do.share_selection(modifiers=False)
        agent_doubles("Cube", "bigger")
        bpy.ops.ed.undo_push(message="Without a window, the first one begins it")
        by_artist(bpy.ops.mesh.primitive_cube_add)
        scenes = []
        for to in ("SOURCE", "NEW"):
            before = scene()
            # What Adjust Last Operation takes, or it would go back to before the cube.
            assert by_artist(do.apply, buffer="bigger", to=to) == ("FINISHED", ["Apply Mesh"])
            scenes.append(scene())
            bpy.ops.ed.undo()
            assert scene() == before
            bpy.ops.ed.redo()
            assert scene() == scenes[-1]
        cancelled = by_artist(do.apply, buffer="bigger"), state().said, state().has_failed
        bpy.ops.ed.undo()
        scenes.append(scene())
        pixels = np.ones((2, 4, 4), "f4")
        SharedSceneBuffer.write_arrays({"pixels": pixels}, kind="Screenshot", name="white")
        assert by_artist(do.apply_image, buffer="white") == ("FINISHED", ["Apply Image"])
        for step, images in ((bpy.ops.ed.undo, []), (bpy.ops.ed.redo, ["white"])):
            step()
            assert bpy.data.images.keys() == images and scene() == scenes[-1]
        result = scenes, cancelled, [b.name for b in state().buffers]
    """)
    bigger = {"Cube": [2, 2, 2], "Cube.001": [1, 1, 1]}
    assert scenes == [bigger, bigger | {"bigger": [2, 2, 2]}, bigger]
    assert cancelled == [["CANCELLED", []], "'Cube' updated in place: nothing differs", False]
    assert listed == ["white", "bigger", "Cube"]


def test_a_render_and_an_image_are_shared_and_an_image_comes_back(blender: Blender, store: Store) -> None:
    listed, said, first = blender("""
        from dcc_mcp_shm import SharedSceneBuffer
        said = [refused(do.share_render)]
        bpy.ops.object.camera_add()
        scene_ = bpy.context.scene
        scene_.camera = bpy.context.object
        scene_.render.engine = "CYCLES"
        scene_.cycles.samples = 1
        scene_.render.resolution_x, scene_.render.resolution_y, scene_.render.resolution_percentage = 16, 8, 100
        bpy.ops.render.render()
        do.share_render()
        said.append(state().said)
        skin = bpy.data.images.new("skin", 4, 2)
        do.share_image(image="skin")
        said.append(state().said)
        SharedSceneBuffer.write_arrays({"pixels": np.ones((2, 4, 4), "f4")}, kind="Screenshot", source_dcc="numpy",
            name="white", attrs=SharedSceneBuffer.open("skin").attrs)
        do.apply_image(buffer="white")
        said.append(state().said)
        other = bpy.data.images.new("other", 4, 2)
        do.apply_image(buffer="white", image="other")
        said += [state().said, refused(do.apply_image, buffer="white", image="none")]
        said += [refused(do.share_image, image="none")]
        result = [[b.name, b.what, b.is_foreign, b.source] for b in state().buffers], said, skin.pixels[0]
    """)
    nothing = "nothing was rendered yet: render first, with F12 or bpy.ops.render.render()"
    no_image = "there is no image 'none': open it in the image editor"
    assert said == [
        nothing,
        "Shared 'render'",
        "Shared 'skin'",
        "'skin' has new pixels",
        "'other' has new pixels",
        no_image,
        no_image,
    ]
    assert first == 1
    assert listed == [
        ["white", "4 x 2, 128 bytes", True, "skin"],
        ["skin", "4 x 2, 128 bytes", False, "skin"],
        ["render", "16 x 8, 2 KiB", False, ""],
    ]
    assert {descriptor["name"] for descriptor in store.list()} == {"white", "skin", "render"}


def test_errors_are_told_in_words_and_change_nothing(blender: Blender, store: Store) -> None:
    SharedSceneBuffer.write(b"a note", name="note")
    result = blender("""
        from dcc_mcp_shm import Store
        do.share_selection()
        result = {
            "gone": refused(do.apply, buffer="gone"),
            "not a mesh": refused(do.apply, buffer="note"),
            "not an image": refused(do.apply_image, buffer="Cube"),
            "deleted": refused(do.delete, buffer="gone"),
        }
        bpy.ops.object.mode_set(mode="EDIT")
        result["edited"] = refused(do.apply, buffer="Cube", to="ACTIVE")
        bpy.ops.object.mode_set(mode="OBJECT")
        if bpy.app.version < (5, 2, 0):
            result["no window"] = refused(do.share_viewport)
        Store().quota = 1000
        result["full"] = refused(do.share_selection)
        Store().quota = None
        bpy.ops.object.select_all(action="DESELECT")
        result["not selected"] = refused(do.share_selection)
        bpy.context.view_layer.objects.active = None
        result["not active"] = refused(do.apply, buffer="Cube", to="ACTIVE")
        for _ in range(len(state().buffers)):
            do.delete()
        result["not chosen"] = refused(do.apply)
        result["log"] = log()
    """)
    log = result.pop("log")
    beginnings = {
        "gone": f'nothing is shared as "gone" in {store.path}; it was deleted',
        "not a mesh": "a mesh needs",
        "not an image": "there are no pixels in it, but a mesh",
        "deleted": f'nothing is shared as "gone" in {store.path}; it was deleted',
        "edited": "'Cube' is in edit mode: leave it first",
        "full": "4928 bytes were asked for",
        "not selected": "no mesh is selected: select an object",
        "not active": "no object is active: select the one",
        "not chosen": "nothing is selected in the list",
    } | ({"no window": "Blender "} if "no window" in result else {})
    assert {case: said.startswith(beginnings[case]) for case, said in result.items()} == dict.fromkeys(
        beginnings, True
    ), result
    for said in result.values():
        assert f": {said}\n" in log
    assert store.list() == []


def test_a_store_and_a_prefix_of_the_users_own(blender: Blender, store: Store, tmp_path: Path) -> None:
    own = tmp_path / "own"
    result = blender(f"""
        preferences().directory, preferences().prefix = {str(own)!r}, "shot/"
        do.share_selection()
        result = [[b.name for b in state().buffers], state().problem]
        preferences().directory = "/dev/null"
        do.refresh()
        result += [[b.name for b in state().buffers], state().problem, refused(do.share_selection)]
        preferences().directory = ""
        do.refresh()
        result += [[b.name for b in state().buffers], state().problem, log()]
    """)
    log = result.pop()
    refused = result[3]
    assert "/dev/null" in refused
    assert result == [["shot/Cube"], "", [], refused, refused, [], ""]
    assert [descriptor["name"] for descriptor in Store(own).list()] == ["shot/Cube"]
    assert store.list() == []
    assert f"INFO store {own}," in log
    assert f"INFO store {store.path}," in log
    assert log.count(f"WARNING the store cannot be listed: {refused}\n") == 1


def test_the_list_follows_the_store_and_is_drawn_anew_only_if_it_differs(blender: Blender) -> None:
    listed, worked = blender("""
        from dcc_mcp_shm import SharedSceneBuffer
        listing, worked, listed = module("listing"), [], []
        for name in ("refresh", "redraw"):
            def counted(name=name, called=getattr(listing, name)):
                worked.append(name)
                called()
            setattr(listing, name, counted)

        def follow():
            # What Blender calls once a second, if there is a window.
            assert listing._follow() == listing.SECONDS
            listed.append([f"{b.name}: {b.state}" for b in state().buffers] or state().problem)
            worked.append("")

        follow()
        note = SharedSceneBuffer.create_empty({"weight": ("<f4", (2,))}, name="note")
        follow()
        follow()
        with SharedSceneBuffer.fill("note"):
            follow()
        follow()
        follow()
        note.unlink()
        follow()
        preferences().directory = "/dev/null"
        follow()
        follow()
        result = listed, worked
    """)
    problem = listed[-1]
    assert "/dev/null" in problem
    empty, filling, filled = ["note: empty"], ["note: filling"], ["note: sealed"]
    assert listed == ["", empty, empty, filling, filled, filled, "", problem, problem]
    again = ["refresh", "redraw", ""]
    assert worked == ["", *again, "", *again, *again, "", *again, *again, "refresh", ""]


def test_what_nobody_foresaw_is_told_and_ends_nothing(blender: Blender) -> None:
    result = blender("""
        listing = module("listing")
        do.share_selection()
        what, listing._what = listing._what, None
        do.share_selection()
        result = [[listing._follow(), [b.name for b in state().buffers], state().problem] for _ in range(2)]
        listing._what = what
        result += [[listing._follow(), [b.name for b in state().buffers], state().problem], log()]
        # Blender drops a timer that raises.
        bpy.app.timers.unregister(listing._follow)
        bpy.ops.preferences.addon_disable(module=NAME)
        result.append(hasattr(bpy.types, "DCC_MCP_SHM_OT_apply"))
    """)
    *followed, log, is_there = result
    problem = "TypeError: 'NoneType' object is not callable. The log says where"
    assert followed == [[1, [], problem], [1, [], problem], [1, ["Cube"], ""]]
    assert log.count("Traceback") == 1
    assert not is_there


def test_what_a_user_has_chosen_stays_chosen(blender: Blender) -> None:
    result = blender("""
        from dcc_mcp_shm import SharedSceneBuffer
        do.share_selection()
        SharedSceneBuffer.write(b"a note", name="note")
        do.refresh()
        state().chosen = 1
        result = [module("listing").chosen().name]
        first = module("listing").chosen().buffer
        do.share_selection()
        SharedSceneBuffer.write(b"a note", name="newer note")
        do.refresh()
        result += [module("listing").chosen().name, module("listing").chosen().buffer != first]
        do.delete()
        result.append(module("listing").chosen().name)
        preferences().modifiers = False
        bpy.ops.wm.read_homefile(use_empty=True)
        result.append(preferences().modifiers)
    """)
    assert result == ["Cube", "Cube", True, "newer note", False]


def test_the_tab_and_the_preferences_are_drawn(blender: Blender) -> None:
    result = blender("""
        result = {"empty": drawn(bpy.types.DCC_MCP_SHM_PT_store)}
        do.share_selection()
        result["mesh"] = drawn(bpy.types.DCC_MCP_SHM_PT_store)
        bpy.context.view_layer.objects.active = None
        result["no object"] = drawn(bpy.types.DCC_MCP_SHM_PT_store)
        skin = bpy.data.images.new("skin", 4, 2)
        result["share no image"] = drawn(bpy.types.DCC_MCP_SHM_PT_share_image)
        result["share image"] = drawn(bpy.types.DCC_MCP_SHM_PT_share_image, skin)
        do.share_image(image="skin")
        state().chosen = 0
        result["image"] = drawn(bpy.types.DCC_MCP_SHM_PT_store)
        result["image in its editor"] = drawn(bpy.types.DCC_MCP_SHM_PT_store_of_images, skin)
        result["agent"] = drawn(bpy.types.DCC_MCP_SHM_PT_agent)
        result["preferences"] = drawn(type(preferences()))
        preferences().directory = "/dev/null"
        do.refresh()
        result["broken"] = drawn(bpy.types.DCC_MCP_SHM_PT_store, width=200)
        result["problem"] = state().problem
        module("installation").VERSION = "0.2.0"
        result["other module"] = drawn(bpy.types.DCC_MCP_SHM_PT_share)
        result["log"] = module("log").path()
    """)
    problem, log = result.pop("problem"), result.pop("log")
    *lines, last = result.pop("broken")
    assert last == "Refresh"
    assert len(lines) > 2
    assert " ".join(lines) == problem
    agent = result.pop("agent")
    assert agent[1].startswith("uvx dcc-mcp-shm install claude-code --store ")
    assert agent[2] == "Copy Command"
    assert (
        " ".join(agent[3:-1]) == "Instead of claude-code: claude-desktop, cursor, vscode, codex, gemini, goose, or all."
    )
    assert agent[-1] == "Copy Path of the Log"
    assert result.pop("other module")[0].startswith("Python module 0.1.0 is in use, and the extension is 0.2.0.")
    # Without the version, and how long ago or ahead something is.
    for texts in result.values():
        texts[:] = [re.sub(r"(?<=Blender) [0-9.]+( LTS)?|\d+ (s|min)$", "", text) for text in texts]
    buttons, facts = ["", ""], "made by Blender, of"
    cube = ["Cube", "", *buttons, "8 points, 6 faces, 832 bytes", f"{facts} 'Cube'", "removed in "]
    skin = ["skin", "", "Cube", "", *buttons, "4 x 2, 128 bytes", f"{facts} 'skin'", "removed in "]
    assert result == {
        "empty": [""],
        "mesh": [*cube, "Apply", "Apply as New Object", "Apply to Cube"],
        "no object": [*cube, "Apply", "Apply as New Object"],
        "share no image": ["Share Render", "Shared 'Cube'"],
        "share image": ["Share Image", "Shared 'Cube'"],
        "image": [*skin, "Apply"],
        "image in its editor": [*skin, "Apply", "Apply to skin"],
        "preferences": ["Store", "Name prefix", "Log", log, ""],
    }


def test_the_command_for_an_agent_is_one_that_the_server_takes(
    blender: Blender, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "an artist's own"
    commands = blender(f"""
        import os
        command = sys.modules[NAME].panels.agent_command
        result = [command()]
        preferences().directory = {str(own)!r}
        result.append(command())
        preferences().directory = ""
        del os.environ["DCC_MCP_SHM_DIR"]
        result.append(command())
    """)
    # As in a terminal that knows nothing of it.
    monkeypatch.delenv("DCC_MCP_SHM_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    written = []
    for command in commands:
        uvx, program, *arguments = shlex.split(command)
        assert (uvx, program) == ("uvx", "dcc-mcp-shm")
        server = str(ROOT / "target/debug/dcc-mcp-shm")
        subprocess.run([server, *arguments, "--yes"], check=True, timeout=60)
        written.append(json.loads((tmp_path / ".claude.json").read_text())["mcpServers"]["dcc-mcp-shm"]["args"])
    assert written == [["serve", "--store", store.path], ["serve", "--store", str(own)], ["serve"]]


def test_a_store_relative_to_the_file_stays_where_it_was_set(blender: Blender, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    result = blender(f"""
        bpy.ops.wm.save_as_mainfile(filepath={str(tmp_path / "one/shot.blend")!r})
        preferences().directory = "//../own/"
        # As when Blender is started, with no file yet.
        addon_utils.disable(NAME)
        addon_utils.enable(NAME)
        bpy.ops.wm.save_as_mainfile(filepath={str(tmp_path / "shot.blend")!r})
        do.share_selection()
        result = preferences().directory, state().problem
    """)
    own = tmp_path / "own"
    assert result == [str(own), ""]
    assert [descriptor["name"] for descriptor in Store(own).list()] == ["Cube"]


def test_enabled_for_one_run_it_has_the_defaults(blender: Blender, store: Store) -> None:
    kept, drawn = blender("""
        bpy.ops.preferences.addon_disable(module=NAME)
        # As `blender --addons` does.
        addon_utils.enable(NAME)
        do.share_selection()
        result = NAME in bpy.context.preferences.addons, drawn(bpy.types.DCC_MCP_SHM_PT_share)
        addon_utils.disable(NAME)
    """)
    assert not kept
    assert drawn == ["Share Selection", "Render", "Viewport", "Shared 'Cube'"]
    assert [descriptor["name"] for descriptor in store.list()] == ["Cube"]


def test_the_log_says_what_someone_who_helps_asks_first(blender: Blender, store: Store) -> None:
    result = blender("""
        do.share_selection()
        preferences().log_level = "ERROR"
        do.share_selection()
        result = log(), preferences().log_level, bpy.app.version_string
    """)
    log, level, version = result
    first, second, third = log.splitlines()
    assert "extension 0.1.0, module 0.1.0 in /" in first
    assert f"Blender {version}, Python 3." in first
    assert "Linux-" in first
    assert second.endswith(f"INFO store {store.path}, 0 bytes used")
    assert "INFO Share Selection: Shared 'Cube' (" in third
    assert level == "ERROR"


def test_the_extension_is_enabled_again_and_leaves_nothing_behind(blender: Blender) -> None:
    result = blender("""
        def there():
            return [
                sum(handler.__module__.startswith(NAME) for handler in bpy.app.handlers.load_post),
                hasattr(bpy.types.WindowManager, "dcc_mcp_shm"),
                any(name.startswith("DCC_MCP_SHM_") for name in dir(bpy.types)),
                hasattr(bpy.types, "DCC_MCP_SHM_OT_apply"),
                len(module("log").LOG.handlers),
                bpy.app.timers.is_registered(module("listing")._follow),
            ]
        result = [there()]
        for _ in range(2):
            bpy.ops.preferences.addon_disable(module=NAME)
            result.append(there())
            bpy.ops.preferences.addon_enable(module=NAME)
            result.append(there())
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.ops.mesh.primitive_cube_add()
        do.share_selection()
        result += [there(), log().count("Share Selection")]
    """)
    assert result == [
        [1, True, True, True, 1, True],
        [0, False, False, False, 0, False],
        [1, True, True, True, 1, True],
        [0, False, False, False, 0, False],
        [1, True, True, True, 1, True],
        [1, True, True, True, 1, True],
        1,
    ]


def test_it_is_uninstalled_while_its_module_is_in_use(blender: Blender, store: Store) -> None:
    there = blender("""
        import dcc_mcp_shm
        do.share_selection()
        shared = dcc_mcp_shm.SharedSceneBuffer.open("Cube")
        repositories = [repository.module for repository in bpy.context.preferences.extensions.repos]
        bpy.ops.extensions.package_uninstall(repo_index=repositories.index("user_default"), pkg_id="dcc_mcp_shm")
        assert np.asarray(shared["position"]).max() == 1, "what is mapped stays"
        extensions = Path(bpy.utils.user_resource("EXTENSIONS"))
        result = [
            str(file.relative_to(extensions))
            for file in extensions.rglob("*")
            if file.is_file() and "dcc_mcp_shm" in str(file.relative_to(extensions))
        ]
    """)
    assert there == []
    assert [descriptor["name"] for descriptor in store.list()] == ["Cube"]


def test_another_version_of_the_module_is_told_and_its_faults_are_in_the_log(
    blender: Blender, extension: Path, tmp_path: Path
) -> None:
    # What pip installs into Blender comes before what an extension brings.
    installed = tmp_path / "installed"
    with zipfile.ZipFile(extension) as archive:
        (wheel,) = (name for name in archive.namelist() if name.endswith(".whl"))
        archive.extract(wheel, tmp_path)
    with zipfile.ZipFile(tmp_path / wheel) as archive:
        archive.extractall(installed)
    with (installed / "dcc_mcp_shm/__init__.py").open("a") as module:
        module.write('\n__version__ = "0.0.9"\n')
    with (installed / "dcc_mcp_shm/blender/__init__.py").open("a") as module:
        module.write("\ndel share_render\n")
    problem, said, log = blender(
        "result = sys.modules[NAME].installation.problem(), refused(do.share_render), log()", path=(installed,)
    )
    assert problem.startswith("Python module 0.0.9 is in use, and the extension is 0.1.0. Remove the one in ")
    assert f"{installed / 'dcc_mcp_shm'}: {sys.executable} -m pip uninstall dcc-mcp-shm" in problem
    assert f"ERROR {problem}\n" in log
    assert said.startswith("AttributeError: module 'dcc_mcp_shm.blender' has no attribute 'share_render'")
    assert "Traceback (most recent call last):\n" in log
    assert 'operators.py", line ' in log


def test_after_an_upgrade_blender_wants_to_be_restarted(blender: Blender, extension: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.zip"
    with zipfile.ZipFile(extension) as archive, zipfile.ZipFile(newer, "w") as copy:
        for name in archive.namelist():
            data = archive.read(name)
            if name == "blender_manifest.toml":
                assert data.count(b'\nversion = "0.1.0"\n') == 1
                data = data.replace(b'\nversion = "0.1.0"\n', b'\nversion = "0.2.0"\n')
            copy.writestr(name, data)
    problem, log = blender(f"""
        sys.argv[1] = {str(newer)!r}
        install()
        result = sys.modules[NAME].installation.problem(), log()
    """)
    assert problem == "Python module 0.1.0 is in use, and the extension is 0.2.0. Restart Blender."
    assert f"ERROR {problem}\n" in log
    assert "extension 0.1.0, module 0.1.0 in " in log
    assert "extension 0.2.0, module 0.1.0 in " in log


def test_without_a_log_everything_else_works(blender: Blender, tmp_path: Path) -> None:
    (tmp_path / "user/extensions/.user/user_default/dcc_mcp_shm/dcc_mcp_shm.log").mkdir(parents=True)
    said, path = blender("""
        do.share_selection()
        result = state().said, sys.modules[NAME].log.path()
    """)
    assert said == "Shared 'Cube'"
    assert path == ""
