"""Description of the environment of a run: versions, processor, GPU, commit, command."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import cnncompare


def describe_environment(argv: list[str] | None = None) -> dict[str, Any]:
    """Return the record section `environment`; `argv` is the command that repeats the run."""
    commit, dirty = _git_state()
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": version("torchvision"),
        "pytorch_lightning": version("pytorch-lightning"),
        "cnncompare": cnncompare.__version__,
        "os": platform.platform(),
        "cpu": _cpu_name(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "git_commit": commit,
        "git_dirty": dirty,
        "argv": sys.argv if argv is None else argv,
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _git_state() -> tuple[str | None, bool | None]:
    """Return the commit of the source and whether it was modified; None outside a clone."""
    source = Path(cnncompare.__file__).resolve().parents[2]
    if not (source / ".git").exists():
        return None, None
    commit = _git(source, "rev-parse", "HEAD")
    status = _git(source, "status", "--porcelain", "--untracked-files=no")
    return commit, None if status is None else bool(status)


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", os.fspath(folder), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
