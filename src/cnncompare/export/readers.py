"""Readers of exported files, which compute logits as a user of the file would."""

import copy
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from cnncompare.errors import RunError
from cnncompare.models.checkpoint import with_versions
from cnncompare.models.onnx_program import IMAGES

Classifier = Callable[[Tensor], Tensor]
"""Logits [N, classes] of pixels in [0, 1], float32 [N, C, H, W]."""


def read_network(
    format_name: str, path: Path, network: nn.Module, mean: Sequence[float], std: Sequence[float]
) -> Classifier:
    """Return the classifier of an exported file.

    `network` provides the architecture, `mean` and `std` the normalisation of files that contain
    weights alone. Raises RunError if the weights differ from those of `network`.
    """
    match format_name:
        case "onnx":
            return _onnx(path)
        case "torchscript":
            return _torchscript(path)
    return _of_weights(_read_weights(format_name, path), network, mean, std)


def _onnx(path: Path) -> Classifier:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def classify(images: Tensor) -> Tensor:
        (logits,) = session.run(None, {IMAGES: images.numpy()})
        return torch.from_numpy(logits)

    return classify


def _torchscript(path: Path) -> Classifier:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch 2.14 deprecates TorchScript
        loaded: Classifier = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    return loaded


def _read_weights(format_name: str, path: Path) -> dict[str, Tensor]:
    if format_name == "safetensors":
        from safetensors.torch import load

        return load(path.read_bytes())
    weights: dict[str, Tensor] = torch.load(path, weights_only=True)
    return weights


def _of_weights(
    weights: dict[str, Tensor], network: nn.Module, mean: Sequence[float], std: Sequence[float]
) -> Classifier:
    other = copy.deepcopy(network)
    for tensor in other.state_dict().values():
        tensor.zero_()
    other.load_state_dict(with_versions(weights, network), strict=True)
    for (name, saved), original in zip(
        other.state_dict().items(), network.state_dict().values(), strict=True
    ):
        if not torch.equal(saved, original):
            raise RunError(f"its tensor {name} differs from that of the network")
    offset, scale = (torch.tensor(list(values)).view(-1, 1, 1) for values in (mean, std))

    def classify(images: Tensor) -> Tensor:
        logits: Tensor = other((images - offset) / scale)
        return logits

    return classify
