"""Description of the machine that runs a benchmark; imports no torch."""

from typing import Any

import psutil

from cnncompare.system.cores import available_cores

VERSIONS = ("python", "torch", "torchvision", "pytorch_lightning", "cnncompare", "git_commit")


def machine_and_versions(environment: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide the environment of a run into the machine and the installed versions."""
    memory_gib = round(psutil.virtual_memory().total / 2**30, 1)
    machine = {name: environment[name] for name in ("cpu", "os", "gpu")}
    machine |= {"cores": available_cores(), "memory_gib": memory_gib}
    return machine, {name: environment[name] for name in VERSIONS}
