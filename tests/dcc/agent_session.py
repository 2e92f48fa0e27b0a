"""An agent's session with a real Blender scene, as a transcript: what docs/agent-session.md is made of.

.venv-dcc/bin/python tests/dcc/agent_session.py      writes it anew, with its pictures
"""

import asyncio
import base64
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "target/debug/dcc-mcp-shm"
DOCUMENT = ROOT / "docs/agent-session.md"

# What the person has done before.
SHARE = """
import bpy
from dcc_mcp_shm import blender

bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.mesh.primitive_monkey_add()
bpy.context.object.modifiers.new("Subdivision", "SUBSURF").levels = 2
bpy.ops.object.modifier_apply(modifier="Subdivision")
blender.share(bpy.context.object, "shot/monkey", group="shot")
"""

# What the agent makes of the code that read_descriptor gives.
REDUCE = """
from dcc_mcp_shm.mesh import Mesh, put

mesh = Mesh.of(scene)
_, first, cell = np.unique(np.round(mesh.position / 0.08), axis=0, return_index=True, return_inverse=True)
quads = cell[mesh.corner_vert].reshape(-1, 4)  # the points of a cell become one
kept = quads != np.roll(quads, 1, axis=1)  # corners that are still corners
kept[(kept.sum(1) < 3) | (quads[:, 0] == quads[:, 2]) | (quads[:, 1] == quads[:, 3])] = False
size = kept.sum(1)
arrays = {
    "position": mesh.position[first],
    "corner_vert": quads[kept],
    "face_size": size[size > 0],
    "uv:UVMap": mesh.uv["UVMap"][kept.ravel()],
}
put("shot/monkey-light", arrays, like=scene)
print(f"{len(first)} of {len(mesh.position)} points are left")
"""
REDUCED = "shot/monkey-light"

# What the person's Blender does: it runs code that it is given, as the tools for that which agents have.
BLENDER = """
import contextlib, io, json, sys

for line in sys.stdin:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(json.loads(line), {})
    print("printed:", json.dumps(printed.getvalue()), flush=True)
"""

INTRODUCTION = """\
# A session with an agent

What an agent does that has never seen this server, with a scene that a real Blender has shared: a person has shared a
dense monkey with [`dcc_mcp_shm.blender`](blender.md), and wants it lighter. Below is every call and
every result as text; hosts that read structured results get the same facts as JSON. Sizes are those of the result on
the wire, text and JSON together, without the pictures.

`.venv-dcc/bin/python tests/dcc/agent_session.py` wrote this file, and `make test-blender` compares it with a new
session. Ids, times and the store's path are replaced by others of the same length, or it would never be the same.
"""


@dataclass(frozen=True)
class Call:
    """A tool call and its result."""

    tool: str
    arguments: dict[str, Any]
    text: str
    size: int
    picture: bytes | None
    structured: dict[str, Any]


@dataclass(frozen=True)
class Session:
    """All calls, and the programs that were run with what they told: the agent's, and that in Blender."""

    calls: list[Call]
    program: str
    output: str
    in_blender: str
    told_by_blender: str

    @property
    def size(self) -> int:
        """Bytes of all results but the pictures."""
        return sum(call.size for call in self.calls)


class Blender:
    """The person's Blender, which stays open."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Start it."""
        command = [sys.executable, "-c", BLENDER]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, code: str) -> str:
        """What the code prints; Blender itself may say something too."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("printed: "):
                return str(json.loads(line.removeprefix("printed: ")))
        raise RuntimeError(f"Blender ended with {self._process.wait()}")

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def record(store: str) -> Session:
    """Share a scene from Blender; find, describe, view, map and reduce it as an agent; and apply that in Blender."""
    environment = {"DCC_MCP_SHM_DIR": store}
    blender = Blender(environment)
    try:
        blender.run(SHARE)
        return asyncio.run(_session(environment, blender))
    finally:
        blender.close()


async def _session(environment: dict[str, str], blender: Blender) -> Session:
    server = StdioServerParameters(command=str(SERVER), args=["serve"], env=environment)
    async with Client(server, read_timeout_seconds=60) as client:
        calls = [await _call(client, "list_buffers", source_dcc="Blender")]
        name = calls[0].structured["buffers"][0]["name"]
        calls += [
            await _call(client, tool, buffer=name) for tool in ("describe_buffer", "view_image", "read_descriptor")
        ]
        program = calls[-1].structured["code"] + "\n" + REDUCE
        # The agent's own shell: it knows of the store what the code says.
        computed = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", program], env={}, check=True, capture_output=True, text=True
        )
        calls.append(await _call(client, "view_image", buffer=REDUCED))
        calls.append(await _call(client, "read_descriptor", **{"buffer": REDUCED, "for": "blender"}))
        in_blender = calls[-1].structured["code"]
        told = await asyncio.to_thread(blender.run, in_blender)
    return Session(calls, program, computed.stdout, in_blender, told)


async def _call(client: Client, tool: str, **arguments: Any) -> Call:
    result = await client.call_tool(tool, arguments)
    message = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    pictures = [content for content in message["content"] if content["type"] == "image"]
    texts = [content["text"] for content in message["content"] if content["type"] == "text"]
    (text,) = texts
    if result.is_error:
        raise RuntimeError(f"{tool}: {text}")
    picture = base64.b64decode(pictures[0].pop("data")) if pictures else None
    wire = _timeless(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
    return Call(tool, arguments, text, len(wire.encode()), picture, result.structured_content or {})


def transcript(session: Session) -> str:
    """The document."""
    parts = [INTRODUCTION]
    for number, call in enumerate(session.calls, 1):
        arguments = json.dumps(call.arguments)
        parts.append(f"## {number}. `{call.tool}` {arguments}\n\n{call.size:,} bytes:\n\n````text\n{call.text}\n````\n")
        if call.picture is not None:
            parts.append(f"![What the agent sees]({_picture(call).name})\n")
            parts.append(f"The picture is a PNG of {len(call.picture):,} bytes.\n")
        if call.tool == "read_descriptor":
            is_blender = "for" in call.arguments
            runs = (
                "Run in Blender, that" if is_blender else "The agent runs that code, and some lines of its own, which"
            )
            program, output = (
                (session.in_blender + "\n", session.told_by_blender)
                if is_blender
                else (session.program, session.output)
            )
            parts.append(f"{runs} prints:\n\n```python\n{program}```\n\n```text\n{output}```\n")
    parts.append(f"{len(session.calls)} calls, {session.size:,} bytes of results besides the pictures.\n")
    return _timeless("\n".join(parts))


def _picture(call: Call) -> Path:
    """The file of what a call showed."""
    return DOCUMENT.with_name("agent-session-light.png" if call.arguments["buffer"] == REDUCED else "agent-session.png")


def pictures(session: Session) -> dict[Path, bytes]:
    """The files beside the document."""
    return {_picture(call): call.picture for call in session.calls if call.picture}


def _timeless(text: str) -> str:
    """The same text whenever and wherever it is recorded."""
    text = re.sub(r"\b\d+ s old", "1 s old", text)
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "3f2b8c1e-5a4d-4e6f-9b7a-1c0d2e3f4a5b", text)
    text = re.sub(r"\b[0-9a-f]{8}:\d+\b", "1c0d2e3f:7", text)
    text = re.sub(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d", "2026-01-01T12:00:00", text)
    text = re.sub(r'(?<=wait_cursor ")[0-9a-f]{8}\.', "3f2b8c1e.", text)
    text = re.sub(r"(?<=T12:00:00)\.\d{6}Z", ".000000Z", text)
    return re.sub(r"/session-\w{8}", "/session-12345678", text)


def main() -> None:
    """Write the document and its picture."""
    with tempfile.TemporaryDirectory(prefix="session-", dir="/dev/shm") as store:
        session = record(store)
    DOCUMENT.write_text(transcript(session))
    for file, picture in pictures(session).items():
        file.write_bytes(picture)


if __name__ == "__main__":
    main()
