"""The wheel where there is no Rust: module and command work and are made for old systems, and it says what is in it."""

import email
import json
import re
import subprocess
import sys
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from environment import Environment, ask, wheel
from mcp import Client
from support import ROOT

README = (ROOT / "python" / "README.md").read_text()
GLIBC = (2, 17)
UVX = ROOT / ".tools" / "uv" / "bin" / "uvx"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """With the wheel and NumPy installed into it."""
    made = Environment(tmp_path_factory.mktemp("environment") / "with wheel")
    install = [str(made.bin / "pip"), "install", "--quiet", "--disable-pip-version-check", str(wheel()), "numpy"]
    subprocess.run(install, env=made.variables, check=True, timeout=300)
    return made


async def listed(client: Client) -> str:
    return str(await client.call_tool("list_buffers", {}))


def test_the_module_works(environment: Environment) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    environment.run("python", "-W", "error", "-c", example)


def test_the_command_is_a_program_and_finds_what_the_module_shares(environment: Environment) -> None:
    command = environment.bin / "dcc-mcp-shm"
    assert command.read_bytes()[:4] == b"\x7fELF", "Python would have to start first"
    environment.run("python", "-c", "import dcc_mcp_shm as s; s.SharedSceneBuffer.write(b'data', name='hero')")
    assert "hero" in environment.run("dcc-mcp-shm", "ls")
    assert "hero" in ask(command, ["serve"], environment.variables, listed)


def test_module_and_command_are_of_one_version(environment: Environment) -> None:
    module = environment.run("python", "-c", "import dcc_mcp_shm; print(dcc_mcp_shm.__version__)").strip()
    assert environment.run("dcc-mcp-shm", "--version").split() == ["dcc-mcp-shm", module]


def with_uv(environment: Environment, home: Path) -> dict[str, str]:
    """Where uv has nothing yet. It would look for a Python of its own on the network."""
    return environment.variables | {"HOME": str(home), "UV_CACHE_DIR": str(home / "cache"), "UV_PYTHON": sys.executable}


def test_uvx_serves(environment: Environment, tmp_path: Path) -> None:
    environment.run("python", "-c", "import dcc_mcp_shm as s; s.SharedSceneBuffer.write(b'data', name='hero')")
    variables = with_uv(environment, tmp_path)
    assert "hero" in ask(UVX, ["--from", str(wheel()), "dcc-mcp-shm", "serve"], variables, listed)


def test_what_uvx_installs_is_started_by_uv_again(environment: Environment, tmp_path: Path) -> None:
    """The path of a program in uv's cache would lead nowhere once uv cleans up."""
    variables = with_uv(environment, tmp_path)
    command = [str(UVX), "--from", str(wheel()), "dcc-mcp-shm", "install", "cursor", "--yes"]
    subprocess.run(command, env=variables, check=True, timeout=120)
    entry = json.loads((tmp_path / ".cursor" / "mcp.json").read_text())["mcpServers"]["dcc-mcp-shm"]
    subprocess.run([UVX.with_name("uv"), "cache", "clean", "--quiet"], env=variables, check=True, timeout=60)
    environment.run("python", "-c", "import dcc_mcp_shm as s; s.SharedSceneBuffer.write(b'data', name='hero')")
    assert "hero" in ask(Path(entry["command"]), entry["args"], variables, listed)


def needed(file: Path) -> set[tuple[int, ...]]:
    """The versions of glibc's symbols that a file asks for."""
    done = subprocess.run(["/usr/bin/objdump", "-T", file], capture_output=True, text=True, check=True)
    return {tuple(map(int, version.split("."))) for version in re.findall(r"GLIBC_([\d.]+)", done.stdout)}


@pytest.mark.parametrize("name", ["_native.abi3.so", "dcc-mcp-shm"])
def test_old_systems_have_what_it_asks_for(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel()) as archive:
        (member,) = (member for member in archive.namelist() if member.rpartition("/")[2] == name)
        asked = needed(Path(archive.extract(member, tmp_path)))
    assert (2, 2, 5) in asked, "there are versions to compare"
    assert max(asked) <= GLIBC
    assert "manylinux_2_17_" in wheel().name


@pytest.fixture(scope="module")
def metadata() -> tuple[Message, dict[str, str]]:
    """What the wheel says of itself, and its licence files."""
    with zipfile.ZipFile(wheel()) as archive:
        texts = {name.partition(".dist-info/")[2]: name for name in archive.namelist() if ".dist-info/" in name}
        described = email.message_from_string(archive.read(texts["METADATA"]).decode())
        return described, {
            name: archive.read(member).decode() for name, member in texts.items() if name.startswith("licenses/")
        }


def test_it_says_what_it_is(metadata: tuple[Message, dict[str, str]]) -> None:
    described, licenses = metadata
    assert (described["Name"], described["License-Expression"]) == ("dcc-mcp-shm", "MIT")
    assert described["Requires-Python"] == ">=3.11"
    assert described["Author"]
    assert described.get_all("License-File") == ["LICENSE", "packaging/wheel/THIRD-PARTY-NOTICES.txt"]
    for name in ("LICENSE", "packaging/wheel/THIRD-PARTY-NOTICES.txt"):
        assert licenses[f"licenses/{name}"] == (ROOT / name).read_text()
    registered = json.loads((ROOT / "packaging/registry/server.json").read_text())["name"]
    assert f"mcp-name: {registered}" in str(described.get_payload())
