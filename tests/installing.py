"""Environments of their own for the built wheel, which borrow the packages of the present one."""

import os
import subprocess
import sys
import venv
from pathlib import Path

from tests.conftest import ROOT


def build_wheel(folder: Path) -> Path:
    """Build the wheel in `folder`, without the sdist between."""
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=280)
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_environment(folder: Path) -> str:
    """Make an environment whose packages are those of this one, cnncompare itself left out."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    (site,) = (folder / "lib").glob("python*/site-packages")
    borrowed = [path for path in map(Path, sys.path) if path.name == "site-packages"]
    (site / "borrowed.pth").write_text("".join(f"{path}\n" for path in borrowed))
    return str(python)


def run_installed(*command: str, cwd: Path, **variables: str) -> str:
    """Run a command without the sources on its path, and return its output."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment | variables, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
