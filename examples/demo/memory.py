"""How much memory this process has for itself alone (Linux)."""

from pathlib import Path


def anonymous_bytes() -> int:
    """Private memory of this process, in bytes: what it would need even if it were given all it maps of the store.

    This is RssAnon. The "private" pages of /proc/self/smaps are no measure: shared pages are among them for as long
    as no second process has mapped them.
    """
    return _status("RssAnon")


def reset_peak() -> None:
    """Start a new measurement of :func:`peak_bytes`."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Most memory that this process had since :func:`reset_peak`, in bytes, less the shared memory it maps now.

    Shared memory that it mapped meanwhile and maps no more is counted: the kernel keeps no peak without it.
    """
    return _status("VmHWM") - _status("RssShmem")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
