"""Execute the quickstart notebooks in an empty environment: make notebooks.

The environment has Jupyter's kernel and nothing else. The first cell of the first notebook installs
cnncompare with all that it needs, from the wheel of these sources, as it does on Colab.
"""

import os
import subprocess
import sys
import time
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.installing import build_wheel
from tests.notebooks import NAMES, check_results, execute, write_kernel

MINUTES = 10.0  # the goal for a notebook, with the installation


def prepare(folder: Path) -> None:
    """Make the environment and its kernel, and let pip find the wheel."""
    wheel = build_wheel(folder / "dist")
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "ipykernel"], check=True)
    write_kernel(folder / "jupyter", python)
    found = os.environ.get("PIP_FIND_LINKS", "").split()
    os.environ["PIP_FIND_LINKS"] = " ".join([str(wheel.parent), *found])
    os.environ["JUPYTER_PATH"] = str(folder / "jupyter")
    os.environ.pop("PYTHONPATH", None)  # the sources shall not be found


def minutes_of(name: str, folder: Path) -> float:
    """Execute a notebook in an empty folder, check its results, and return the minutes it took."""
    folder.mkdir()
    begin = time.monotonic()
    notebook = execute(name, folder)
    minutes = (time.monotonic() - begin) / 60
    check_results(notebook, folder)
    return minutes


def main() -> int:
    """Return 0 if both notebooks ran in time."""
    slow = False
    with TemporaryDirectory(prefix="notebooks-") as temporary:
        prepare(Path(temporary))
        for name in NAMES:
            minutes = minutes_of(name, Path(temporary) / name)
            print(f"{name}: {minutes:.1f} min, at most {MINUTES:g} are allowed", flush=True)
            slow = slow or minutes > MINUTES
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
