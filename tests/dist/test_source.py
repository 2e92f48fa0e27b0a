"""The source distribution, where there is Rust: it builds the same wheel, module and command."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from environment import only, wheel
from support import ROOT


def test_it_has_what_is_needed_and_builds_the_wheel(tmp_path: Path) -> None:
    """A debug build, with links to the dependencies that the tests have built: nothing may be missing."""
    with tarfile.open(only("dcc_mcp_shm-*.tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    # The archive's times are older than any library, so cargo would take what was built of other sources for new.
    for file in source.rglob("*"):
        os.utime(file)
    target = ROOT / "target" / "sdist"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(
        ROOT / "target" / "debug",
        target / "debug",
        copy_function=os.link,
        ignore=shutil.ignore_patterns("incremental"),
    )
    variables = os.environ | {
        "CARGO_TARGET_DIR": str(target),
        "MATURIN_PEP517_ARGS": "--locked --profile dev",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", tmp_path, source], env=variables, check=True, timeout=1200)
    (built,) = tmp_path.glob("*.whl")
    assert names(built) == names(wheel())


def names(package: Path) -> set[str]:
    with zipfile.ZipFile(package) as archive:
        return set(archive.namelist())
