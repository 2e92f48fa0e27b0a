"""The conformance suite of the MCP project, against the server's handler over HTTP."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ROOT, run_node

SERVER = ROOT / "target" / "debug" / "dcc-mcp-shm-conformance"
BASELINE = ROOT / "tests" / "conformance" / "expected-failures.yml"
REVISIONS = ["2025-11-25", "2026-07-28"]


@pytest.fixture
def address() -> Iterator[str]:
    with subprocess.Popen([str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.stdin.close()
        assert server.wait(timeout=30) == 0


def run_suite(address: str, revision: str, baseline: Path) -> subprocess.CompletedProcess[str]:
    """All scenarios that a revision requires, compared with the baseline."""
    arguments = ["--url", address, "--requirements", revision, "--expected-failures", str(baseline)]
    return run_node("conformance", "server", *arguments, timeout=180)


@pytest.mark.parametrize("revision", REVISIONS)
def test_all_passes_but_what_the_baseline_explains(revision: str, address: str) -> None:
    done = run_suite(address, revision, BASELINE)
    assert done.returncode == 0, done.stdout + done.stderr
    for scenario in ("tools-list", "dns-rebinding-protection"):
        assert re.search(rf"✓ {scenario}: \d+ passed, 0 failed", done.stdout), done.stdout


def test_a_baseline_that_is_too_long_or_too_short_fails(address: str, tmp_path: Path) -> None:
    """The control: an entry for what passes, and no entry for what fails."""
    changed = tmp_path / "baseline.yml"
    changed.write_text(BASELINE.read_text() + "  - tools-list:tools-list # passes\n")
    done = run_suite(address, REVISIONS[0], changed)
    assert (done.returncode, "Stale baseline entries" in done.stdout) == (1, True), done.stdout
    changed.write_text(re.sub(".*tools-call-image.*\n", "", BASELINE.read_text()))
    done = run_suite(address, REVISIONS[0], changed)
    assert (done.returncode, "Unexpected failures" in done.stdout) == (1, True), done.stdout


def test_every_entry_of_the_baseline_has_a_reason() -> None:
    entries = [line for line in BASELINE.read_text().splitlines() if line.startswith("  - ")]
    assert entries
    assert [line for line in entries if not re.fullmatch(r"  - [\w-]+:[\w-]+ # \S.*", line)] == []


def test_nothing_of_http_is_in_the_server() -> None:
    """The conformance server shares a workspace with it, whose dependencies cargo-deny sees as one."""
    command = ["cargo", "tree", "--locked", "--package", "dcc-mcp-shm-server", "--edges", "normal", "--prefix", "none"]
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS"}}
    tree = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    crates = {line.split()[0] for line in tree.stdout.splitlines() if line}
    assert "rmcp" in crates
    assert crates & {"http", "http-body", "hyper", "hyper-util", "reqwest", "rustls", "tower-service"} == set()
