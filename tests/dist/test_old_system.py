"""On the oldest system to be had, which `.ci/old-root` unpacks: the command answers, and the module can be linked.

That system has no Python of 3.11 or newer, so the module is not imported there.
"""

import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from environment import ask, wheel
from mcp import Client
from support import ROOT

SYSTEM = ROOT / ".tools" / "old-root"


@pytest.fixture(scope="module")
def unpacked() -> Iterator[Path]:
    """The wheel's files, in the root of the old system."""
    directory = SYSTEM / "wheel"
    with zipfile.ZipFile(wheel()) as archive:
        archive.extractall(directory)
    yield directory
    shutil.rmtree(directory)


def test_the_command_answers(unpacked: Path) -> None:
    (command,) = unpacked.glob("*.data/scripts/dcc-mcp-shm")
    command.chmod(0o755)
    arguments = [str(SYSTEM), f"/{command.relative_to(SYSTEM)}", "serve"]

    async def tools(client: Client) -> set[str]:
        return {tool.name for tool in (await client.list_tools()).tools}

    assert "list_buffers" in ask(Path("/usr/sbin/chroot"), arguments, {}, tools)


def test_the_module_lacks_nothing_but_python(unpacked: Path) -> None:
    (module,) = unpacked.glob("dcc_mcp_shm/_native*.so")
    path = f"/{module.relative_to(SYSTEM)}"
    done = subprocess.run(
        ["/usr/sbin/chroot", SYSTEM, "/usr/bin/ldd", "-r", path], capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    missing = set(re.findall(r"undefined symbol: (\w+)", said))
    assert "PyObject_Str" in missing, said
    assert {name for name in missing if not re.match("_?Py", name)} == set()
    assert "not found" not in said
