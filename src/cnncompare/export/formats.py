"""File formats of exported networks, and the packages that they need; imports no torch."""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from cnncompare.errors import ConfigError, closest
from cnncompare.runs.run import Run


class Format(NamedTuple):
    """A file format; `normalizes` where the file contains the normalisation."""

    suffix: str
    normalizes: bool
    description: str
    packages: tuple[str, ...] = ()  # of the extra onnx


FORMATS = {
    "onnx": Format(".onnx", True, "ONNX", ("onnx", "onnxruntime", "onnxscript")),
    "torchscript": Format(".pt", True, "TorchScript"),
    "safetensors": Format(".safetensors", False, "weights as safetensors"),
    "state_dict": Format(".pth", False, "weights as a state_dict of PyTorch"),
}


def find_format(name: str) -> Format:
    """Return the format; raises ConfigError with the closest names if it is unknown."""
    if name not in FORMATS:
        raise ConfigError(
            f"export: --to {name} is unknown{closest(name, FORMATS)} "
            f"(formats: {', '.join(FORMATS)})"
        )
    return FORMATS[name]


def check_packages(name: str) -> None:
    """Raise ConfigError with the line to install if a package of the format is missing."""
    missing = [package for package in FORMATS[name].packages if find_spec(package) is None]
    if missing:
        raise ConfigError(
            f"export: --to {name} needs {', '.join(missing)}: pip install 'cnncompare[onnx]'"
        )


def default_file(run: Run, name: str) -> Path:
    """Return the file in the run's folder that holds the network unless another is named."""
    return run.folder / f"{run.record.label}{FORMATS[name].suffix}"
