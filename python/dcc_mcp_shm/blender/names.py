"""Names of buffers."""

import unicodedata

MOST_NAME_BYTES = 255


def check(name: str) -> None:
    """Refuse what a buffer cannot be called.

    Raises:
        ValueError: with the name.
    """
    if not 0 < len(name.encode(errors="replace")) <= MOST_NAME_BYTES or any(
        unicodedata.category(c) == "Cc" for c in name
    ):
        raise ValueError(f"{name!r} cannot be a name: it has 1 to {MOST_NAME_BYTES} bytes and no control characters")
