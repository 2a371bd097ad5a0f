"""Files of weights: their state dict as tensors by name; no content of a file is executed."""

import re
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from cnncompare.errors import ModelError, shortened
from cnncompare.models.pretrained.file_kinds import check_weights_file

PREFERRED = ("state_dict", "model", "model_state_dict", "net")  # of several state dicts in a file


def read_file(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a .pth, .pt, .bin, .ckpt or .safetensors file, by name.

    The state dict may be the whole file or one of its entries. A prefix "module." or, as in this
    project's checkpoints, "network." is removed from its names. Raises ModelError for a file that
    is missing, truncated or contains something else, and for tensors with NaN or infinity.
    """
    check_weights_file(path)
    content = _state_dict(path, _load_content(path))
    tensors = {plain_name(name): value for name, value in content.items()}
    _refuse_non_finite(path, tensors)
    return tensors


def _state_dict(path: Path, content: Any) -> dict[Any, Any]:
    """Return the content, or its one entry, that consists of tensors alone."""
    if _is_state_dict(content):
        state: dict[Any, Any] = content
        return state
    if not isinstance(content, dict) or not content:
        found = type(content).__name__
        raise ModelError(f"model.weights={path} contains a {found} instead of a state dict")
    entries = {name: value for name, value in content.items() if _is_state_dict(value)}
    chosen = next((name for name in PREFERRED if name in entries), None)
    if chosen is None and len(entries) == 1:
        (chosen,) = entries
    if chosen is None:
        held = "several state dicts" if entries else "no state dict"
        names = shortened([str(name) for name in entries or content])
        raise ModelError(f"model.weights={path} contains {held}, its entries are {names}")
    entry: dict[Any, Any] = entries[chosen]
    return entry


def _is_state_dict(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(value, Tensor) for value in content.values())
    )


def _refuse_non_finite(path: Path, tensors: dict[str, Tensor]) -> None:
    bad = [
        name
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and not bool(tensor.isfinite().all())
    ]
    if bad:
        raise ModelError(
            f"model.weights={path}: {len(bad)} of {len(tensors)} tensors contain NaN or "
            f"infinity ({shortened(bad)}); the training that wrote them diverged"
        )


def _load_content(path: Path) -> Any:
    """Return the content of a file without executing code; raises ModelError if that fails."""
    try:
        return _load(path)
    except UnpicklingError as error:
        if "Unsupported" in str(error) or "GLOBAL" in str(error):
            raise ModelError(
                f"model.weights={path} contains more than weights, which could run code and is "
                "refused: save only model.state_dict()"
            ) from error
        raise ModelError(f"model.weights={path} is not a file of weights") from error
    except Exception as error:  # such as RuntimeError, EOFError or SafetensorError
        raise ModelError(f"model.weights={path} is truncated or not a file of weights") from error


def _load(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def plain_name(name: str) -> str:
    """Return the name of a tensor without wrappers and in the libraries' current spelling."""
    plain = re.sub(r"^(module|network)\.", "", str(name))
    # torchvision's DenseNet files use names from before 2018: norm.1 is now norm1.
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", plain)
