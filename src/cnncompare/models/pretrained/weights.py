"""Pretrained weights by version or from a local file; no content of a file is executed."""

import re
from pathlib import Path

import torch
from torch import Tensor, nn

from cnncompare.errors import ModelError, shortened
from cnncompare.models.catalog.names import check_version, is_file
from cnncompare.models.checkpoint import with_versions
from cnncompare.models.pretrained.files import plain_name, read_file
from cnncompare.models.pretrained.match_by_order import COUNTER, Fits, match_by_order


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


def load_pretrained_weights(
    network: nn.Module,
    tensors: dict[str, Tensor],
    weights: str,
    classes: int,
    weights_map: str = "by_name",
    *,
    new_head: bool = True,
) -> str:
    """Copy `tensors` into `network`; return the prefix that was removed from their names, or "".

    A last layer for other `classes` keeps its initial values if `new_head`, else it is refused.
    With `weights_map` "by_order" the names of `tensors` may differ from those of the network.
    Raises ModelError with the names that are missing, unknown or of another shape.
    """
    own = network.state_dict()
    prefix = _shared_prefix(tensors, own)
    tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    if weights_map == "by_order":
        tensors = match_by_order(tensors, own, _fits(classes), weights)
    loaded = {name: tensor for name, tensor in tensors.items() if not _is_unused_aux(name, own)}
    for name in loaded.keys() & own.keys():
        if _is_head_for_other_classes(own[name], loaded[name], classes):
            if not new_head:
                raise _unfit_head(weights, len(loaded[name]), classes)
            loaded[name] = own[name]
    mismatches = _mismatches(own, loaded)
    if mismatches:
        raise ModelError(
            f"model.weights={weights} does not match the network: {mismatches}; the libraries' "
            "weights match model.stem=imagenet with data.channels=3"
        )
    network.load_state_dict(with_versions({**own, **loaded}, network))
    return prefix


def _shared_prefix(tensors: dict[str, Tensor], own: dict[str, Tensor]) -> str:
    """Return the leading components that all names share and the network's names lack.

    Lightning writes "model.", torch.compile "_orig_mod.", nn.DataParallel "module.".
    """
    prefix = ""
    while len(tensors) > 1:
        shared = {name.removeprefix(prefix).partition(".")[0] for name in tensors}
        candidate = f"{prefix}{next(iter(shared))}."
        known = any(name.startswith(candidate.removeprefix(prefix)) for name in own)
        if len(shared) > 1 or known or not all(name.startswith(candidate) for name in tensors):
            break
        prefix = candidate
    fits = any(name.removeprefix(prefix) in own for name in tensors)
    return prefix if fits else ""


def _unfit_head(weights: str, outputs: int, classes: int) -> ModelError:
    return ModelError(
        f"model.weights={weights}: its last layer has {outputs} outputs, the data set {classes} "
        f"classes; without training a new layer would be random: train it, with "
        f"trainer.max_epochs above 0, or use weights for {classes} classes"
    )


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


def _download_torchvision(name: str, version: str) -> dict[str, Tensor]:
    from torchvision import models

    weights = models.get_model_weights(name)[version]
    state: dict[str, Tensor] = weights.get_state_dict(
        progress=True, check_hash=True, map_location="cpu", weights_only=True
    )
    return {plain_name(key): tensor for key, tensor in state.items()}


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
    return f"{len(names)} {problem}: {shortened(names)}" if names else ""
