"""The session in the docs is what an agent gets today, and it is short."""

import tempfile

from agent_session import DOCUMENT, PICTURE, record, transcript


def test_the_documented_session_is_what_happens() -> None:
    with tempfile.TemporaryDirectory(prefix="session-", dir="/dev/shm") as store:
        session = record(store)
    assert len(session.calls) <= 6
    assert session.size <= 10_000
    assert transcript(session) == DOCUMENT.read_text(), "run tests/dcc/agent_session.py, and read what has changed"
    assert [call.picture for call in session.calls if call.picture] == [PICTURE.read_bytes()]
