"""Effects of preprocessing deviations and reduced precision on the accuracy."""

from typing import Any

import torch
from pytorch_lightning.plugins.precision import Precision
from torch import Tensor, nn

from cnncompare.config.schema import Config
from cnncompare.data.module import ImageData
from cnncompare.models.best_classes import top5
from cnncompare.runs.reference_section import DeviationEffectSection

MAX_IMAGES = 1000  # evenly spaced, because test images can be sorted by class
NO_CACHE = {"cache_limit_gib": 0.0}  # images of another size are needed only once
# per deviation, the data settings that undo it
CORRECTIONS: dict[str, dict[str, Any]] = {
    "normalisation": {"normalize": "weights"},
    "resize": {"resize": None, "image_size": None, **NO_CACHE},
    "crop": {"resize": None, "image_size": None, **NO_CACHE},
    "interpolation": {"interpolation": None, **NO_CACHE},
}


def deviation_effects(
    network: nn.Module,
    config: Config,
    data: ImageData,
    deviations: list[str],
    top1: Tensor,
    skipped: Tensor,
    precision: Precision,
) -> list[DeviationEffectSection]:
    """Return the accuracy without each deviation, and without reduced precision.

    `top1` int64 [n_test] are the predictions of the run, which are compared on the same images.
    `skipped` int64 [m] are the positions of images that the run left out of the test set.
    """
    n = min(MAX_IMAGES, data.n_test)
    positions = torch.linspace(0, data.n_test - 1, n, dtype=torch.float64).long()
    labels = data.test_labels[positions]
    as_run = _accuracy(top1[positions], labels)
    accuracies = {}
    for cause in dict.fromkeys(deviation.split(":")[0] for deviation in deviations):
        corrected = _corrected_data(cause, config, data, skipped)
        with precision.forward_context():
            predictions = _predict(network, corrected, positions)
        accuracies[cause] = _accuracy(predictions, labels)
    if config.trainer.precision != "32-true":
        accuracies["precision"] = _accuracy(_predict(network.float(), data, positions), labels)
    return [
        DeviationEffectSection(cause=cause, n=n, acc1=as_run, acc1_without=accuracy)
        for cause, accuracy in accuracies.items()
    ]


def _corrected_data(cause: str, config: Config, data: ImageData, skipped: Tensor) -> ImageData:
    settings = config.data.model_copy(update=CORRECTIONS[cause])
    corrected = ImageData(settings, seed=config.seed, weights_transform=data.weights_transform)
    corrected.prepare()
    return corrected.without(skipped)


def _predict(network: nn.Module, data: ImageData, positions: Tensor) -> Tensor:
    """Return the top-1 classes, int64 [n], of the test images at `positions`."""
    parameter = next(network.parameters())
    network.eval()
    with torch.inference_mode():
        return torch.cat(
            [
                top5(network(images.to(parameter.device, parameter.dtype)).float())[:, 0].cpu()
                for images, *_ in data.test_batches(positions)
            ]
        )


def _accuracy(top1: Tensor, labels: Tensor) -> float:
    return float((top1 == labels).double().mean())
