"""The MCP Inspector, which shows what a server offers and complains about what clients may not understand."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dcc_mcp_shm import SharedSceneBuffer, Store
from support import SERVER, run_node


def inspect(*arguments: str, era: str = "legacy") -> Any:
    """The result of one request; the Inspector must have nothing to say about it."""
    # The Inspector gives servers nothing of its own environment.
    server = [str(SERVER), "serve", "--store", os.environ["DCC_MCP_SHM_DIR"]]
    done = run_node("mcp-inspector", "--cli", *server, "--protocol-era", era, "--format", "json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)["result"]


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_strict_finds_nothing_in_the_tools(era: str) -> None:
    tools = {tool["name"] for tool in inspect("--method", "tools/list", "--strict", era=era)["tools"]}
    assert {"list_buffers", "read_descriptor", "create_buffer", "delete_buffer"} <= tools


def test_strict_finds_what_is_not_portable(tmp_path: Path) -> None:
    """The control: a schema as Rust's types give it without further care."""
    server = tmp_path / "server.py"
    server.write_text(CONTROL)
    done = run_node("mcp-inspector", "--cli", sys.executable, str(server), "--method", "tools/list", "--strict")
    assert "`type` is an array" in done.stderr


CONTROL = """
import json, sys

results = {
    "initialize": {
        "protocolVersion": "2025-11-25",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "control", "version": "1"},
    },
    "tools/list": {"tools": [{
        "name": "control",
        "inputSchema": {"type": "object", "properties": {"n": {"type": ["integer", "null"], "format": "uint64"}}},
    }]},
}
for line in sys.stdin:
    request = json.loads(line)
    if "id" in request:
        print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": results[request["method"]]}), flush=True)
"""


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_scene_is_found_described_and_deleted(era: str, store: Store) -> None:
    scene = SharedSceneBuffer.write_arrays({"position": np.zeros((8, 3), "f4")}, name="hero")

    def call(tool: str, **arguments: object) -> Any:
        return inspect(
            "--method", "tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments), era=era
        )["structuredContent"]

    assert [buffer["id"] for buffer in call("list_buffers")["buffers"]] == [scene.id]
    assert call("read_descriptor", buffer="hero")["descriptor"]["id"] == scene.id
    call("delete_buffer", buffer="hero")
    assert store.list() == []


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_resources_and_prompts_are_listed_and_read(era: str) -> None:
    scene = SharedSceneBuffer.write(b"data", name="hero")
    uri = f"shm://buffers/{scene.id}"
    assert uri in [resource["uri"] for resource in inspect("--method", "resources/list", era=era)["resources"]]
    (content, *_) = inspect("--method", "resources/read", "--uri", uri, era=era)["contents"]
    assert json.loads(content["text"])["descriptor"]["name"] == "hero"
    templates = inspect("--method", "resources/templates/list", era=era)["resourceTemplates"]
    assert "shm://buffers/{id}" in [template["uriTemplate"] for template in templates]

    (prompt, *_) = inspect("--method", "prompts/list", era=era)["prompts"]
    assert inspect("--method", "prompts/get", "--prompt-name", prompt["name"], era=era)["messages"]
