"""Pretrained weights by version or from a local file; nothing that a file holds is executed."""

import re
from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from cnncompare.errors import ModelError
from cnncompare.models.catalog.names import check_version, is_file
from cnncompare.models.pretrained.match_by_order import Fits, match_by_order

SHOWN = 3  # names in a message of one line


def versions_of(source: str, name: str) -> list[str]:
    """Return the published versions of the weights of `name`; needs no network connection."""
    if source == "torchvision":
        import torchvision.models as zoo

        # DEFAULT is an alias, which iterating leaves out.
        return [version.name for version in zoo.get_model_weights(name)]
    if source == "timm":
        import timm

        published: list[str] = timm.list_pretrained(f"{name.split('.')[0]}.*")
        return [full_name.partition(".")[2] for full_name in published]
    return []


def read_weights(source: str, name: str, weights: str) -> dict[str, Tensor]:
    """Return the tensors of a published version of `name`, or of a local file, by their names.

    Raises ModelError for an unknown version, a failed download, and a file that is none, is
    truncated, or holds code.
    """
    if is_file(weights):
        return read_file(Path(weights).expanduser())
    check_version(source, name, weights, versions_of(source, name))
    try:
        return (
            _download_torchvision(name, weights)
            if source == "torchvision"
            else _download_timm(name, weights)
        )
    except Exception as error:  # urllib's, httpx's, huggingface_hub's own, a wrong checksum
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(
            f"the weights {weights} of {name} could not be downloaded ({reason[:200]}): "
            f"{_where_to_put(source, name, weights)}give a file, model.weights=PATH"
        ) from error


def read_file(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a .pth, .pt, .ckpt or .safetensors file, by their names.

    The state dict may lie under "state_dict" or "model", and its names may begin with "module."
    or, as in this project's checkpoints, "network.".
    """
    if not path.is_file():
        raise ModelError(f"model.weights={path}: there is no such file")
    try:
        content = _load(path)
    except UnpicklingError as error:
        if "Unsupported" in str(error) or "GLOBAL" in str(error):
            raise ModelError(
                f"model.weights={path} holds more than weights, which could run code and is "
                "refused: save model.state_dict() alone"
            ) from error
        raise ModelError(f"model.weights={path} is no file of weights") from error
    except Exception as error:  # RuntimeError, EOFError, safetensors' own: the file is unsound
        raise ModelError(f"model.weights={path} is truncated or no file of weights") from error
    for container in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(container), dict):
            content = content[container]
    if not isinstance(content, dict) or not content:
        raise ModelError(f"model.weights={path} holds a {type(content).__name__}, no state dict")
    tensors = {_plain_name(name): value for name, value in content.items()}
    if not all(isinstance(value, Tensor) for value in tensors.values()):
        raise ModelError(f"model.weights={path} holds other things than tensors, no state dict")
    return tensors


def load_pretrained_weights(
    network: nn.Module,
    tensors: dict[str, Tensor],
    weights: str,
    classes: int,
    weights_map: str = "by_name",
) -> None:
    """Copy `tensors` into `network`; a last layer for other `classes` keeps its initial values.

    With `weights_map` "by_order" their names may be others. Raises ModelError with the names that
    are missing, unknown, or of another shape.
    """
    own = network.state_dict()
    if weights_map == "by_order":
        tensors = match_by_order(tensors, own, _fits(classes), weights)
    given = {name: tensor for name, tensor in tensors.items() if not _is_unused_aux(name, own)}
    for name in given.keys() & own.keys():
        if _is_head_for_other_classes(own[name], given[name], classes):
            given[name] = own[name]
    shapes = [
        f"{name} {_shape(given[name])} instead of {_shape(own[name])}"
        for name in own
        if name in given and given[name].shape != own[name].shape
    ]
    counted = [name for name in own if not name.endswith("num_batches_tracked")]
    problems = [
        _listed("of another shape", shapes),
        _listed("missing", [name for name in counted if name not in given]),
        _listed("unknown", [name for name in given if name not in own]),
    ]
    found = "; ".join(problem for problem in problems if problem)
    if found:
        raise ModelError(
            f"model.weights={weights} does not fit the network: {found}; published weights fit "
            "model.stem=imagenet with data.channels=3"
        )
    network.load_state_dict({**own, **given})


def _load(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _download_torchvision(name: str, version: str) -> dict[str, Tensor]:
    import torchvision.models as zoo

    weights = zoo.get_model_weights(name)[version]
    state: dict[str, Tensor] = weights.get_state_dict(
        progress=True, check_hash=True, map_location="cpu", weights_only=True
    )
    return {_plain_name(key): tensor for key, tensor in state.items()}


def _download_timm(name: str, tag: str) -> dict[str, Tensor]:
    import timm

    # timm's own filters rename what was saved under other names; its pickles load weights only.
    published: nn.Module = timm.create_model(f"{name.split('.')[0]}.{tag}", pretrained=True)
    return published.state_dict()


def _where_to_put(source: str, name: str, version: str) -> str:
    if source != "torchvision":
        return ""
    import torchvision.models as zoo

    url: str = zoo.get_model_weights(name)[version].url
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    return f"put {url.rpartition('/')[2]} into {folder}, or "


def _plain_name(name: str) -> str:
    plain = re.sub(r"^(module|network)\.", "", str(name))
    # torchvision's DenseNet files have the names of before 2018: norm.1 is norm1 today.
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", plain)


def _is_unused_aux(name: str, own: dict[str, Tensor]) -> bool:
    """Return whether `name` is of an auxiliary head that the network was asked to leave out."""
    return name not in own and bool(re.match(r"aux[12]\.|AuxLogits\.", name))


def _fits(classes: int) -> Fits:
    return lambda own, given: (
        own.shape == given.shape or _is_head_for_other_classes(own, given, classes)
    )


def _is_head_for_other_classes(own: Tensor, given: Tensor, classes: int) -> bool:
    return (
        own.shape != given.shape
        and own.shape[:1] == (classes,)
        and own.shape[1:] == given.shape[1:]
    )


def _shape(tensor: Tensor) -> str:
    return "x".join(str(length) for length in tensor.shape)


def _listed(what: str, names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {what}: {', '.join(names[:SHOWN])}{more}" if names else ""
