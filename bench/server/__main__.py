"""Measure the MCP server beside servers whose one tool does nothing.

    cd bench && ../.venv/bin/python -m server [--quick] [--server PATH] [--pictures | --medians]

Prints a Markdown page; a run of all that is not quick also writes it to docs/server-benchmarks.md. With --medians it
prints the medians as JSON, of this server alone. Nothing stays in /dev/shm.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer, Store
from machine import describe
from rounds import progress

from server import calls, describing, listing, memory, pictures, starting
from server.report import Results, markdown, medians, pictures_alone
from server.servers import IN_TURNS, MESHES, MIXED, OURS, READ_BY_RMCP, ROOT, Call, Server, noops, ours

PAGE = ROOT / "docs/server-benchmarks.md"


def publish_mesh(store: Store, name: str) -> str:
    """Publish a mesh that calls are about; its id."""
    arrays = {
        "position": np.random.default_rng(1).random((10_000, 3), dtype=np.float32),
        "corner_vert": np.arange(30_000, dtype=np.int32) % 10_000,
    }
    scene = SharedSceneBuffer.write_arrays(arrays, name=name, source_dcc="Blender", store=store)
    return str(json.loads(scene.descriptor_json())["id"])


def tools_bytes(program: Path, directory: Path) -> int:
    """Size of the answer to `tools/list`."""
    with ours(program, directory).start() as client:
        result = client.request("tools/list", {})
    assert "nextCursor" not in result
    return len(json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode())


def measure(program: Path, directory: Path, peers: Mapping[str, Server]) -> Results:
    """All sections."""
    store = directory / "mesh"
    buffer = {"buffer": publish_mesh(Store(store), "hero_mesh")}
    read: Call = ("read_descriptor", buffer)
    meshes = [publish_mesh(Store(directory / "meshes"), f"mesh_{number:04}") for number in range(MESHES)]
    in_turns: list[Call] = [("read_descriptor", {"buffer": mesh}) for mesh in meshes]
    others: list[Call] = [("list_buffers", {}), ("describe_buffer", buffer), ("read_buffer", buffer)]
    servers = {OURS: ours(program, store, read), **peers}
    mixed = ours(program, store, read, *others, ("view_image", buffer | {"max_edge": 128}))
    progress("calls")
    variants = {
        IN_TURNS: ours(program, directory / "meshes", *in_turns),
        READ_BY_RMCP: servers[OURS]._replace(fields={"more": True}),
    }
    called = calls.measure({OURS: servers[OURS], **variants, **servers})
    progress("starting")
    started = starting.measure(servers)
    progress("memory")
    resident = memory.measure({OURS: servers[OURS], MIXED: mixed, **servers})
    progress("listing")
    listed = listing.measure(program, directory / "many")
    progress("describing")
    described = describing.measure(program, directory / "large")
    progress("pictures")
    pictured = pictures.measure(program, directory / "surface")
    return Results(called, started, resident, listed, described, pictured, tools_bytes(program, store))


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="bench/server", description="Measure the MCP server.")
    parser.add_argument("--quick", action="store_true", help="only see that all works; the figures mean nothing")
    parser.add_argument("--server", type=Path, default=ROOT / "target/release/dcc-mcp-shm", help="the program")
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--pictures", action="store_true", help="only the section about pictures, which is printed")
    parts.add_argument("--medians", action="store_true", help="only this server; its medians as JSON")
    arguments = parser.parse_args()
    # So that what was made is removed then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments.quick:
        os.environ["DCC_MCP_SHM_BENCH_QUICK"] = "1"
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/dev/shm") as directory:
        if arguments.pictures:
            print(pictures_alone(pictures.measure(arguments.server, Path(directory))))
            return
        if arguments.medians:
            print(json.dumps(medians(measure(arguments.server, Path(directory), {}))))
            return
        results = measure(arguments.server, Path(directory), dict(noops()))
    page = markdown(results, describe("numpy", "mcp", "dcc-mcp-shm"))
    print(page)
    if not arguments.quick:
        PAGE.write_text(page)


if __name__ == "__main__":
    main()
