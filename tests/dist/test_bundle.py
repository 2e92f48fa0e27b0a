"""The MCPB bundle: it is the program of the wheel that a host starts, with its licences."""

import zipfile

from environment import only, wheel

EXECUTABLE = 0o111 << 16


def test_it_has_the_program_of_the_wheel() -> None:
    with zipfile.ZipFile(only("*.mcpb")) as bundle, zipfile.ZipFile(wheel()) as archive:
        assert set(bundle.namelist()) == {"LICENSE", "THIRD-PARTY-NOTICES.txt", "manifest.json", "server/dcc-mcp-shm"}
        (script,) = (name for name in archive.namelist() if name.endswith("/scripts/dcc-mcp-shm"))
        assert bundle.read("server/dcc-mcp-shm") == archive.read(script)
        assert bundle.getinfo("server/dcc-mcp-shm").external_attr & EXECUTABLE == EXECUTABLE
