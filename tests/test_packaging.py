"""What users, stores and registries are told about the server: right, and valid for their own tools."""

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest
from dcc_mcp_shm import SharedSceneBuffer, Store
from mcp import Client, StdioServerParameters
from support import ROOT, SERVER, run_node

BUNDLE = ROOT / "packaging" / "mcpb" / "manifest.json"
REGISTRY = ROOT / "packaging" / "registry" / "server.json"
PLUGIN = ROOT / "packaging" / "claude-code"
PLUGIN_RULES = ("claude-plugin-json-required", "claude-plugin-json-valid", "claude-plugin-readme", "mcp-valid-json")


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def lint(directory: Path, kind: str, *rules: str) -> subprocess.CompletedProcess[str]:
    options = [option for rule in rules for option in ("--rule", rule)]
    command = [sys.executable, "-m", "skillsaw", "lint", "--strict", "--no-plugins", "--no-progress"]
    return subprocess.run(
        [*command, "--type", kind, *options, str(directory)], capture_output=True, text=True, timeout=60, check=False
    )


def lint_registry_entry(directory: Path) -> subprocess.CompletedProcess[str]:
    return lint(directory, "mcp-registry", "mcp-registry-server-json-valid", "mcp-registry-version-semver")


def test_versions_are_the_workspace_s() -> None:
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    plugin = read(PLUGIN / ".claude-plugin" / "plugin.json")
    compat = tomllib.loads((ROOT / "python" / "dcc_mcp_core" / "pyproject.toml").read_text())["project"]
    extension = tomllib.loads((ROOT / "packaging" / "blender" / "blender_manifest.toml").read_text())
    assert compat["dependencies"] == [f"dcc-mcp-shm=={version}"]
    described = [read(BUNDLE), read(REGISTRY), plugin, compat, extension]
    assert {one["version"] for one in described} == {version}


def test_the_bundle_lists_the_server_s_tools() -> None:
    tools = [{"name": tool["name"], "description": tool["title"]} for tool in read(ROOT / "mcp-manifest.json")["tools"]]
    assert read(BUNDLE)["tools"] == tools, "write these into packaging/mcpb/manifest.json: " + json.dumps(tools)


def test_the_bundle_s_manifest_is_valid() -> None:
    done = run_node("mcpb", "validate", str(BUNDLE))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()


def test_an_invalid_manifest_is_not(tmp_path: Path) -> None:
    manifest = read(BUNDLE)
    manifest["server"]["type"] = "rust"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert run_node("mcpb", "validate", str(tmp_path / "manifest.json")).returncode != 0


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with the built server, packed and unpacked."""
    directory = tmp_path_factory.mktemp("bundle")
    source, bundle, unpacked = directory / "source", directory / "x.mcpb", directory / "unpacked"
    (source / "server").mkdir(parents=True)
    shutil.copy(BUNDLE, source)
    shutil.copy(SERVER, source / "server")
    for command in (["pack", source, bundle], ["unpack", bundle, unpacked]):
        done = run_node("mcpb", *map(str, command))
        assert done.returncode == 0, done.stdout + done.stderr
    return unpacked


@pytest.mark.parametrize("read_only", [False, True])
def test_a_packed_bundle_starts_with_what_a_host_fills_in(read_only: bool, store: Store, unpacked: Path) -> None:
    manifest = read(unpacked / "manifest.json")
    values = {"__dirname": str(unpacked)}
    for name, option in manifest["user_config"].items():
        default = option["default"]
        values[f"user_config.{name}"] = str(default).lower() if isinstance(default, bool) else default
    values["user_config.read_only"] = str(read_only).lower()
    assert values["user_config.store"] == ""

    def fill(text: str) -> str:
        for name, value in values.items():
            text = text.replace(f"${{{name}}}", value)
        assert "${" not in text
        return text

    config = manifest["server"]["mcp_config"]
    environment = {name: fill(value) for name, value in config["env"].items()}
    # The default store would be the real one.
    environment["DCC_MCP_SHM_DIR"] = store.path
    SharedSceneBuffer.write(b"data", name="hero")

    async def session() -> tuple[set[str], str]:
        server = StdioServerParameters(
            command=fill(config["command"]), args=[fill(argument) for argument in config["args"]], env=environment
        )
        async with Client(server, read_timeout_seconds=30) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            return tools, str(await client.call_tool("list_buffers", {}))

    tools, listed = asyncio.run(session())
    assert "hero" in listed
    assert ("delete_buffer" in tools) is not read_only


def test_a_server_starts_with_an_empty_store_setting() -> None:
    """As a host fills in what the user has left empty; the store is opened by the first call, and there is none."""
    environment = os.environ | {"DCC_MCP_SHM_DIR": "", "DCC_MCP_SHM_READ_ONLY": "false"}
    done = subprocess.run(
        [str(SERVER), "serve"], input=b"", capture_output=True, env=environment, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    doctor = subprocess.run([str(SERVER), "doctor"], capture_output=True, text=True, env=environment, check=False)
    assert f"dcc-mcp-shm-{os.getuid()}" in doctor.stdout, "the setting is not an empty path"


def test_the_registry_entry_is_valid() -> None:
    done = lint_registry_entry(REGISTRY.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Rules run: 2" in done.stdout


@pytest.mark.parametrize(
    ("field", "value"), [("version", "latest"), ("name", "dcc-mcp-shm"), ("description", "x" * 101), ("packages", [{}])]
)
def test_an_invalid_registry_entry_is_not(field: str, value: Any, tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(json.dumps(read(REGISTRY) | {field: value}))
    assert lint_registry_entry(tmp_path).returncode == 1


def test_the_registry_entry_promises_nothing_to_download() -> None:
    """Until there is a release: an address here would be one that nobody answers at."""
    assert not {"packages", "remotes", "repository", "websiteUrl"} & read(REGISTRY).keys()


def test_every_crate_that_is_linked_is_in_the_notices() -> None:
    tree = ["cargo", "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--no-dedupe"]
    packages = ["-p", "dcc-mcp-shm-server", "-p", "dcc-mcp-shm-python", "--target", "x86_64-unknown-linux-gnu"]
    done = subprocess.run([*tree, *packages], cwd=ROOT, capture_output=True, text=True, check=True)
    linked = {
        f"{name} {version.removeprefix('v')}"
        for name, version, *rest in (line.split() for line in done.stdout.splitlines() if line)
        # A macro runs in the compiler and is no part of what it makes; ours are under our own licence.
        if "(proc-macro)" not in rest and not name.startswith("dcc-mcp-shm")
    }
    assert len(linked) > 50
    notices = {line.strip() for line in (ROOT / "packaging/wheel/THIRD-PARTY-NOTICES.txt").read_text().splitlines()}
    told = {line.partition(" (")[0] for line in notices}
    assert linked - told == set(), "make notices"


def test_the_plugin_is_valid() -> None:
    done = lint(PLUGIN, "single-plugin", *PLUGIN_RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Rules run: {len(PLUGIN_RULES)}" in done.stdout


def test_an_invalid_plugin_is_not(tmp_path: Path) -> None:
    shutil.copytree(PLUGIN, tmp_path / "plugin")
    (tmp_path / "plugin" / ".claude-plugin" / "plugin.json").write_text("{}")
    assert lint(tmp_path / "plugin", "single-plugin", *PLUGIN_RULES).returncode == 1


def test_plugin_and_links_have_the_entry_of_a_command_on_the_path() -> None:
    entry = {"command": "dcc-mcp-shm", "args": ["serve"]}
    assert read(PLUGIN / ".mcp.json") == {"mcpServers": {"dcc-mcp-shm": entry}}
    page = (ROOT / "docs" / "install.md").read_text()
    (vscode,) = re.findall(r"`vscode:mcp/install\?(\S+)`", page)
    assert json.loads(unquote(vscode)) == {"name": "dcc-mcp-shm", "type": "stdio"} | entry
    (cursor,) = re.findall(r"`cursor://anysphere.cursor-deeplink/mcp/install\?(\S+)`", page)
    values = parse_qs(cursor, strict_parsing=True)
    assert values["name"] == ["dcc-mcp-shm"]
    assert json.loads(base64.b64decode(values["config"][0], validate=True)) == entry


def test_the_readme_shows_what_install_writes(tmp_path: Path) -> None:
    table = re.findall(
        r"^\| (Claude Code|Claude Desktop|Cursor|Gemini CLI|VS Code) \| (.*) \| (.*) \|$",
        ROOT.joinpath("README.md").read_text(),
        re.MULTILINE,
    )
    assert len(table) == 5
    shown = ""
    for client, files, entry in table:
        shown = shown if entry == "the same" else entry.strip("`")
        slug = "vscode" if client == "VS Code" else client.lower().replace(" ", "-")
        for file, scope in zip(files.split(", "), ("user", "project"), strict=False):
            home, project = tmp_path / slug / scope / "home", tmp_path / slug / scope / "project"
            home.mkdir(parents=True)
            project.mkdir()
            command = [str(SERVER), "install", slug, "--scope", scope, "--yes"]
            subprocess.run(command, cwd=project, env={"HOME": str(home)}, check=True, capture_output=True, timeout=30)
            path = file.strip("`")
            written = home / path.removeprefix("~/") if path.startswith("~/") else project / path
            # Others who have the project have the command elsewhere.
            program = str(SERVER) if scope == "user" else "dcc-mcp-shm"
            assert read(written) == json.loads(shown.replace("/path/to/dcc-mcp-shm", program)), client
