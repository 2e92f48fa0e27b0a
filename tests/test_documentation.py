"""What is said holds: examples of the Python API run, its page leaves nothing out, and tests are the same for all."""

import inspect
import re
from pathlib import Path
from typing import Any

import dcc_mcp_shm
import numpy as np
import pytest

PAGE = (Path(__file__).parents[1] / "docs/python.md").read_text()


def test_the_examples_run_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"points": np.ones((8, 3), "f4"), "pixels": np.ones((4, 6, 4), "u1")}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(code, "docs/python.md", "exec"), names)  # noqa: S102 (the repository's own)
    told = capsys.readouterr().out
    assert '"state":"sealed"' in told
    assert "there is one of" in told


def told_in(text: str) -> set[str]:
    """Words that are marked as code, outside of examples."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", prose))))


def test_all_that_is_public_is_on_the_page() -> None:
    public = {name for name in dcc_mcp_shm.__all__ if not name.startswith("_")}
    # Of `with buf.edit(n)` there is nothing to call.
    assert public - told_in(PAGE) == {"BufferEdit"}


def test_each_class_has_all_its_members_in_its_section() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
    things = {name: getattr(dcc_mcp_shm, name) for name in dcc_mcp_shm.__all__}
    classes = {thing for thing in things.values() if inspect.isclass(thing) and not issubclass(thing, Exception)}
    for one in classes - {dcc_mcp_shm.BufferEdit}:
        members = {member for member in vars(one) if not member.startswith("_")}
        assert members - told_in(sections[one.__name__]) == set(), one


def test_all_property_tests_draw_the_same_cases_for_everybody() -> None:
    root = Path(__file__).parents[1]
    crates = ("shm", "view", "server", "python")
    sources = {path: path.read_text() for crate in crates for path in (root / crate).rglob("*.rs")}
    blocks = [
        (path, text) for path, source in sources.items() for text in re.findall(r"\bproptest! \{\s*(\S+)", source)
    ]
    assert len(blocks) > 5
    of_their_own = {path for path, text in blocks if "properties::config(" not in text}
    assert of_their_own == set(), "see tests/properties.rs"
