"""What likely causes of a wrong accuracy do: the network again without them, on some images."""

from typing import Any

import torch
from pytorch_lightning.plugins.precision import Precision
from torch import Tensor, nn

from cnncompare.config.schema import Config
from cnncompare.data.module import ImageData
from cnncompare.runs.record import DeviationEffectSection
from cnncompare.training.metrics import top5

IMAGES = 1000  # at most; of a test in the order of its classes, evenly spaced ones
OTHER_CROPS = {"cache_limit_gib": 0.0}  # not worth keeping
UNDONE: dict[str, dict[str, Any]] = {  # what undoes a deviation of that name
    "normalisation": {"normalize": "weights"},
    "resize": {"resize": None, "image_size": None, **OTHER_CROPS},
    "crop": {"resize": None, "image_size": None, **OTHER_CROPS},
    "interpolation": {"interpolation": None, **OTHER_CROPS},
}


def deviation_effects(
    network: nn.Module,
    config: Config,
    data: ImageData,
    deviations: list[str],
    top1: Tensor,
    left_out: Tensor,
    precision: Precision,
) -> list[DeviationEffectSection]:
    """Return, for each deviation and for reduced precision, the accuracy without it.

    `top1` int64 [n_test] is what the run predicted. It is compared on the same images: those at
    `left_out`, int64 [m], of the whole test are not among them.
    """
    n = min(IMAGES, data.n_test)
    places = torch.linspace(0, data.n_test - 1, n, dtype=torch.float64).long()
    labels = data.test_labels[places]
    as_run = _share(top1[places], labels)
    found = []
    for cause in dict.fromkeys(deviation.split(":")[0] for deviation in deviations):
        changed = config.data.model_copy(update=UNDONE[cause])
        without = ImageData(changed, seed=config.seed, weights_transform=data.weights_transform)
        without.prepare()
        without.exclude(left_out)
        with precision.forward_context():
            answers = _answers(network, without, places)
        found.append(_part(cause, as_run, _share(answers, labels), n))
    if config.trainer.precision != "32-true":
        answers = _answers(network.float(), data, places)
        found.append(_part("precision", as_run, _share(answers, labels), n))
    return found


def _answers(network: nn.Module, data: ImageData, places: Tensor) -> Tensor:
    """Return the network's top-1, int64 [n], for the test images at `places`."""
    parameter = next(network.parameters())
    network.eval()
    with torch.inference_mode():
        return torch.cat(
            [
                top5(network(images.to(parameter.device, parameter.dtype)).float())[:, 0].cpu()
                for images, *_ in data.test_batches(places)
            ]
        )


def _share(top1: Tensor, labels: Tensor) -> float:
    return float((top1 == labels).double().mean())


def _part(cause: str, as_run: float, without: float, n: int) -> DeviationEffectSection:
    return DeviationEffectSection(cause=cause, n=n, acc1=as_run, acc1_without=without)
