"""An agent's session with a real Blender scene, as a transcript: what docs/agent-session.md is made of.

.venv-dcc/bin/python tests/dcc/agent_session.py      writes it anew, with its picture
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
PICTURE = DOCUMENT.with_suffix(".png")

# What the person has done before.
SHARE = """
import bpy
from dcc_mcp_shm import blender

bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.mesh.primitive_monkey_add()
bpy.context.object.modifiers.new("Subdivision", "SUBSURF").levels = 2
blender.share(bpy.context.object, "shot/monkey", group="shot")
"""

# What the agent makes of the code that read_descriptor gives.
COMPUTE = """
width, depth, height = np.ptp(arrays["position"], axis=0)
up = np.mean(arrays["normal"][:, 2] > 0.5)
print(f"{width:.2f} m wide, {depth:.2f} m deep, {height:.2f} m high; {up:.0%} of the corners look up")
"""

INTRODUCTION = """\
# A session with an agent

What an agent does that has never seen this server, with a scene that a real Blender has shared: a person has shared a
subdivided monkey with [`dcc_mcp_shm.blender`](blender.md) and closed Blender. Below is every call and
every result as text; hosts that read structured results get the same facts as JSON. Sizes are those of the result on
the wire, text and JSON together, without the picture.

`.venv-dcc/bin/python tests/dcc/agent_session.py` wrote this file, and `make test-dcc` compares it with a new session.
Ids, times and the store's path are replaced by others of the same length, or it would never be the same.
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
    """All calls, and the program that the agent ran with what they told."""

    calls: list[Call]
    program: str
    output: str

    @property
    def size(self) -> int:
        """Bytes of all results but the picture."""
        return sum(call.size for call in self.calls)


def record(store: str) -> Session:
    """Share a scene from Blender, and find, describe, view, map and delete it as an agent."""
    environment = {"DCC_MCP_SHM_DIR": store}
    subprocess.run([sys.executable, "-c", SHARE], env=environment, check=True, stdout=subprocess.DEVNULL)
    return asyncio.run(_session(environment))


async def _session(environment: dict[str, str]) -> Session:
    server = StdioServerParameters(command=str(SERVER), args=["serve"], env=environment)
    async with Client(server, read_timeout_seconds=60) as client:
        calls = [await _call(client, "list_buffers", source_dcc="Blender")]
        name = calls[0].structured["buffers"][0]["name"]
        calls += [
            await _call(client, tool, buffer=name) for tool in ("describe_buffer", "view_image", "read_descriptor")
        ]
        program = calls[-1].structured["code"] + "\n" + COMPUTE
        # The agent's own shell: it knows of the store what the code says.
        computed = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", program], env={}, check=True, capture_output=True, text=True
        )
        calls.append(await _call(client, "delete_buffer", buffer=name))
    return Session(calls, program, computed.stdout)


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
            parts.append(
                f"![What the agent sees]({PICTURE.name})\n\nThe picture is a PNG of {len(call.picture):,} bytes.\n"
            )
        if call.tool == "read_descriptor":
            parts.append(f"The agent runs that code, and three lines of its own:\n\n```python\n{session.program}```\n")
            parts.append(f"```text\n{session.output}```\n")
    parts.append(f"{len(session.calls)} calls, {session.size:,} bytes of results besides the picture.\n")
    return _timeless("\n".join(parts))


def _timeless(text: str) -> str:
    """The same text whenever and wherever it is recorded."""
    text = re.sub(r"\b\d+ s old", "1 s old", text)
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "3f2b8c1e-5a4d-4e6f-9b7a-1c0d2e3f4a5b", text)
    text = re.sub(r"\b[0-9a-f]{8}:\d+\b", "1c0d2e3f:7", text)
    text = re.sub(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d", "2026-01-01T12:00:00", text)
    text = re.sub(r"(?<=T12:00:00)\.\d{6}_[0-9a-f]{1,8}\b", ".000000_3f2b8c1e", text)
    text = re.sub(r"(?<=T12:00:00)\.\d{6}Z", ".000000Z", text)
    return re.sub(r"/session-\w{8}", "/session-12345678", text)


def main() -> None:
    """Write the document and its picture."""
    with tempfile.TemporaryDirectory(prefix="session-", dir="/dev/shm") as store:
        session = record(store)
    DOCUMENT.write_text(transcript(session))
    (picture,) = [call.picture for call in session.calls if call.picture]
    PICTURE.write_bytes(picture)


if __name__ == "__main__":
    main()
