"""What the machine is, as far as it matters for figures of memory."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def describe(*packages: str) -> dict[str, str]:
    """Facts by name, and the versions of Python packages."""
    return {
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": str(os.cpu_count()),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "huge pages, anonymous": _huge("enabled"),
        "huge pages, tmpfs": _huge("shmem_enabled"),
        "load when started": f"{os.getloadavg()[0]:.2f}",
        "Python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def processor_ticks() -> tuple[int, int]:
    """Time since the machine started that its host gave to others instead, and all time, of all processors."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return ticks[7], sum(ticks)


def available_bytes() -> int:
    """Memory that can be had without anybody else giving up theirs."""
    return int(_field("/proc/meminfo", "MemAvailable").split()[0]) * 1024


def _field(file: str, name: str) -> str:
    lines = (line.partition(":") for line in Path(file).read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "unknown")


def _huge(setting: str) -> str:
    path = Path("/sys/kernel/mm/transparent_hugepage", setting)
    if not path.exists():
        return "none"
    return next(word.strip("[]") for word in path.read_text().split() if word.startswith("["))
