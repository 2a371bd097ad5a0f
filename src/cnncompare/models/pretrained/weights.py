"""Pretrained weights by version or from a local file; no content of a file is executed."""

import re
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from cnncompare.errors import ModelError
from cnncompare.models.catalog.names import check_version, is_file
from cnncompare.models.pretrained.match_by_order import COUNTER, Fits, match_by_order

MAX_LISTED = 3  # names in a message of one line


def versions_of(source: str, name: str) -> list[str]:
    """Return the versions of the pretrained weights of `name`; needs no internet connection."""
    if source == "torchvision":
        from torchvision import models

        # Iteration leaves out the alias DEFAULT.
        return [version.name for version in models.get_model_weights(name)]
    if source == "timm":
        import timm

        full_names: list[str] = timm.list_pretrained(f"{name.split('.')[0]}.*")
        return [full_name.partition(".")[2] for full_name in full_names]
    return []


def read_weights(source: str, name: str, weights: str) -> dict[str, Tensor]:
    """Return the tensors of a version of the weights of `name`, or of a local file, by name.

    Raises ModelError for an unknown version, a failed download, and a file that is missing,
    truncated or contains code.
    """
    if is_file(weights):
        return read_file(Path(weights).expanduser())
    check_version(source, name, weights, versions_of(source, name))
    download = _download_torchvision if source == "torchvision" else _download_timm
    try:
        return download(name, weights)
    except Exception as error:  # of urllib, httpx or huggingface_hub, or a wrong checksum
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(
            f"the weights {weights} of {name} could not be downloaded ({reason[:200]}): "
            f"{_manual_download(source, name, weights)}use a local file, model.weights=PATH"
        ) from error


def read_file(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a .pth, .pt, .bin, .ckpt or .safetensors file, by name.

    The state dict may be an entry "state_dict" or "model" of the file. A prefix "module." or, as
    in this project's checkpoints, "network." is removed from its names. Raises ModelError for a
    file that is missing, truncated or contains something else.
    """
    if not path.is_file():
        raise ModelError(f"model.weights={path}: there is no such file")
    content = _state_dict(path, _load_content(path))
    tensors = {_plain_name(name): value for name, value in content.items()}
    others = [value for value in tensors.values() if not isinstance(value, Tensor)]
    if others:
        found = type(others[0]).__name__
        raise ModelError(f"model.weights={path}: a state dict contains only tensors, found {found}")
    return tensors


def _state_dict(path: Path, content: Any) -> dict[Any, Any]:
    for container in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(container), dict):
            content = content[container]
    if not isinstance(content, dict) or not content:
        found = type(content).__name__
        raise ModelError(f"model.weights={path} contains a {found} instead of a state dict")
    return content


def load_pretrained_weights(
    network: nn.Module,
    tensors: dict[str, Tensor],
    weights: str,
    classes: int,
    weights_map: str = "by_name",
) -> None:
    """Copy `tensors` into `network`; a last layer for other `classes` keeps its initial values.

    With `weights_map` "by_order" the names of `tensors` may differ from those of the network.
    Raises ModelError with the names that are missing, unknown or of another shape.
    """
    own = network.state_dict()
    if weights_map == "by_order":
        tensors = match_by_order(tensors, own, _fits(classes), weights)
    loaded = {name: tensor for name, tensor in tensors.items() if not _is_unused_aux(name, own)}
    for name in loaded.keys() & own.keys():
        if _is_head_for_other_classes(own[name], loaded[name], classes):
            loaded[name] = own[name]
    mismatches = _mismatches(own, loaded)
    if mismatches:
        raise ModelError(
            f"model.weights={weights} does not match the network: {mismatches}; the libraries' "
            "weights match model.stem=imagenet with data.channels=3"
        )
    network.load_state_dict({**own, **loaded})


def _mismatches(own: dict[str, Tensor], loaded: dict[str, Tensor]) -> str:
    """Return the names of tensors that prevent loading, "" if there are none."""
    shapes = [
        f"{name} {_shape(loaded[name])} instead of {_shape(own[name])}"
        for name in own
        if name in loaded and loaded[name].shape != own[name].shape
    ]
    required = [name for name in own if not name.endswith(COUNTER)]
    problems = [
        _listed("of another shape", shapes),
        _listed("missing", [name for name in required if name not in loaded]),
        _listed("unknown", [name for name in loaded if name not in own]),
    ]
    return "; ".join(problem for problem in problems if problem)


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


def _download_torchvision(name: str, version: str) -> dict[str, Tensor]:
    from torchvision import models

    weights = models.get_model_weights(name)[version]
    state: dict[str, Tensor] = weights.get_state_dict(
        progress=True, check_hash=True, map_location="cpu", weights_only=True
    )
    return {_plain_name(key): tensor for key, tensor in state.items()}


def _download_timm(name: str, tag: str) -> dict[str, Tensor]:
    import timm

    # timm renames the tensors of older files and loads pickles with weights_only.
    network: nn.Module = timm.create_model(f"{name.split('.')[0]}.{tag}", pretrained=True)
    return network.state_dict()


def _manual_download(source: str, name: str, version: str) -> str:
    """Return the advice to download a torchvision file by hand, "" for timm."""
    if source != "torchvision":
        return ""
    from torchvision import models

    url: str = models.get_model_weights(name)[version].url
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    return f"save {url.rpartition('/')[2]} in {folder}, or "


def _plain_name(name: str) -> str:
    plain = re.sub(r"^(module|network)\.", "", str(name))
    # torchvision's DenseNet files use names from before 2018: norm.1 is now norm1.
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", plain)


def _is_unused_aux(name: str, own: dict[str, Tensor]) -> bool:
    """Return whether `name` belongs to an auxiliary head that the network does not have."""
    return name not in own and bool(re.match(r"aux[12]\.|AuxLogits\.", name))


def _fits(classes: int) -> Fits:
    return lambda own, other: (
        own.shape == other.shape or _is_head_for_other_classes(own, other, classes)
    )


def _is_head_for_other_classes(own: Tensor, other: Tensor, classes: int) -> bool:
    return (
        own.shape != other.shape
        and own.shape[:1] == (classes,)
        and own.shape[1:] == other.shape[1:]
    )


def _shape(tensor: Tensor) -> str:
    return "x".join(str(length) for length in tensor.shape)


def _listed(problem: str, names: list[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"{len(names)} {problem}: {', '.join(names[:MAX_LISTED])}{more}" if names else ""
