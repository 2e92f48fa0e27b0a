"""The session in the docs is what an agent gets today, and it is short."""

import tempfile

from agent_session import DOCUMENT, pictures, record, transcript


def test_the_documented_session_is_what_happens() -> None:
    with tempfile.TemporaryDirectory(prefix="session-", dir="/dev/shm") as store:
        session = record(store)
    assert len(session.calls) <= 6
    assert session.size <= 10_000
    assert transcript(session) == DOCUMENT.read_text(), "run tests/dcc/agent_session.py, and read what has changed"
    shown = pictures(session)
    assert len(shown) == 2
    assert {file: file.read_bytes() for file in shown} == shown


def test_the_session_ends_in_blender_in_place() -> None:
    with tempfile.TemporaryDirectory(prefix="session-", dir="/dev/shm") as store:
        session = record(store)
    assert "'Suzanne' updated in place" in session.told_by_blender
