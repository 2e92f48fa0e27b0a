"""What docs/rollout.md says of networks, containers and programs of several versions."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dcc_mcp_shm import BufferPool, SharedSceneBuffer, Store, UnsupportedVersion, _native, gc
from support import SERVER, session, text_of

# Where a file has the version of its format.
VERSION_AT = 8
# The C library's calls that make or use connections, or look up who to connect to.
NETWORK = {"socket", "connect", "bind", "listen", "accept", "accept4", "getaddrinfo", "gethostbyname"}


def imported(program: Path) -> set[str]:
    """The functions that a program or library takes from others."""
    listed = subprocess.run(
        ["/usr/bin/nm", "-D", "--undefined-only", str(program)], capture_output=True, text=True, check=True
    )
    return {line.split()[-1].partition("@")[0] for line in listed.stdout.splitlines()}


@pytest.mark.parametrize("file", [SERVER, Path(_native.__file__)], ids=["program", "module"])
def test_nothing_that_is_shipped_can_make_a_connection(file: Path) -> None:
    assert imported(file) & NETWORK == set()


def test_what_can_make_connections_would_be_found() -> None:
    # It is not shipped, and speaks HTTP.
    conformance = SERVER.with_name("dcc-mcp-shm-conformance")
    assert imported(conformance) & NETWORK >= {"socket", "bind", "listen"}


def contained(*arguments: str) -> str:
    """What the command says in namespaces of processes and users of its own, as in a container without privileges."""
    command = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", str(SERVER), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_a_container_sees_what_is_shared_but_not_who_has_it_open_and_collects_nothing_that_is(store: Store) -> None:
    scene = SharedSceneBuffer.write_arrays({"a": np.ones(3)}, name="hero")
    pool = BufferPool(1, 4096)
    slot = pool.acquire()
    outside = json.loads(
        subprocess.run([str(SERVER), "ls", "--json"], capture_output=True, text=True, timeout=60, check=True).stdout
    )
    assert [holder["pid"] for holder in outside["buffers"][0]["holders"]] == [os.getpid()]
    inside = json.loads(contained("ls", "--json"))
    assert [buffer["name"] for buffer in inside["buffers"]] == ["hero"]
    assert "holders" not in inside["buffers"][0]
    assert "Removed 0 files" in contained("gc")
    assert slot.write(b"x") == 1
    assert scene["a"][0] == 1
    assert store.pools()[0]["id"] == pool.id


def test_a_file_of_a_newer_format_is_kept_and_said_to_need_a_newer_program(store: Store) -> None:
    SharedSceneBuffer.write(b"1", name="old")
    with SharedSceneBuffer.write(b"2", name="new") as scene:
        file, newer = Path(scene.path()), scene.id
    file.chmod(0o600)
    with file.open("r+b") as opened:
        opened.seek(VERSION_AT)
        opened.write(b"\x02")
    file.chmod(0o400)
    with pytest.raises(UnsupportedVersion, match="use a newer dcc-mcp-shm") as raised:
        SharedSceneBuffer.open("new")
    assert (raised.value.found, raised.value.known) == (2, 1)
    assert [descriptor["name"] for descriptor in store.list()] == ["old"]
    assert newer in {kept["id"] for kept in gc()["kept"]}
    listed = subprocess.run([str(SERVER), "ls"], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "of a newer program, format version 2" in listed
    assert "damaged" not in listed
    with pytest.raises(UnsupportedVersion, match="a newer program made it"):
        store.delete(newer)
    assert file.exists()


def test_a_holder_of_another_version_is_named_with_it(store: Store, tmp_path: Path) -> None:
    SharedSceneBuffer.write(b"1", name="hero").close()
    installed, other = Path(_native.__file__).parent, tmp_path / "dcc_mcp_shm"
    shutil.copytree(installed, other, ignore=shutil.ignore_patterns("__pycache__"))
    module = other / Path(_native.__file__).name
    mark = b"dcc-mcp-shm-version/%s;"
    own = importlib.metadata.version("dcc-mcp-shm").encode()
    # As long as before, or the file would be no program.
    module.write_bytes(module.read_bytes().replace(mark % own, mark % b"9".ljust(len(own), b"0")))
    hold = (
        'import dcc_mcp_shm, sys; scene = dcc_mcp_shm.SharedSceneBuffer.open("hero"); '
        'print("held", flush=True); sys.stdin.read()'
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        version = "9".ljust(len(own), "0")

        def says(*command: str) -> str:
            command = (str(SERVER), *command)
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout

        assert f"{holder.pid} ({version})" in says("ls")
        assert re.search(rf"of another one: \S+ {holder.pid} \({version}\)", says("doctor"))
        told = session(store, "auto", lambda client: client.call_tool("store_status", {}))
        assert re.search(rf"of another version: \S+ {holder.pid} \({version}\)", text_of(told))
        module.unlink()
        assert f"{holder.pid} (replaced)" in says("ls")
        holder.stdin.close()
    assert "of another one" not in says("doctor")
