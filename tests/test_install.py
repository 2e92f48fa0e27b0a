"""What `dcc-mcp-shm install` writes, read as each client reads it, is what starts the server."""

import json
import os
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import SERVER

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a test", "version": "1"}},
}

Reader = Callable[[str], Any]
CLIENTS: list[tuple[str, str, Reader, str]] = [
    ("claude-code", ".claude.json", json.loads, "mcpServers"),
    ("cursor", ".cursor/mcp.json", json.loads, "mcpServers"),
    ("gemini", ".gemini/settings.json", json.loads, "mcpServers"),
    ("codex", ".codex/config.toml", tomllib.loads, "mcp_servers"),
    ("goose", ".config/goose/config.yaml", yaml.safe_load, "extensions"),
]


@pytest.mark.parametrize(("client", "file", "read", "section"), CLIENTS)
def test_the_entry_starts_the_server(client: str, file: str, read: Reader, section: str, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    store = tmp_path / 'a store: it\'s "mine" # é'
    command = [str(SERVER), "install", client, "--yes", "--read-only", "--store", str(store), "--max-bytes", "1000000"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    entry = read((tmp_path / file).read_text())[section]["dcc-mcp-shm"]
    program, arguments = entry["cmd" if client == "goose" else "command"], entry["args"]
    assert arguments == ["serve", "--store", str(store), "--read-only", "--max-bytes", "1000000"]
    done = subprocess.run(
        [program, *arguments],
        input=json.dumps(INITIALIZE) + "\n",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[0])["result"]["serverInfo"]["name"] == "dcc-mcp-shm"
    subprocess.run([SERVER, "uninstall", client, "--yes"], env=environment, check=True, capture_output=True)
    left = read((tmp_path / file).read_text()).get(section) or {}
    assert "dcc-mcp-shm" not in left
