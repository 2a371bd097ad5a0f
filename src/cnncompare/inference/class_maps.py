"""Class activation maps of a network, by LayerCAM (Jiang et al. 2021) of torchcam."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchcam.methods import LayerCAM


def class_maps(network: nn.Module, layer: str, images: Tensor, classes: Tensor) -> Tensor:
    """Return the map of each image [N, C, H, W] for its class, float32 [N, H, W] in [0, 1].

    `classes` is int64 [N]. The map of the layer's size, enlarged bilinearly, is 0 where the image
    gives least evidence for the class, and 1 where most; without any evidence it is 0.
    """
    cut = network.get_submodule(layer).register_forward_hook(_cut)
    try:
        with torch.enable_grad(), LayerCAM(network, layer) as extractor:
            scores = network(images).float()
            (maps,) = extractor(classes.tolist(), scores)
    finally:
        cut.remove()
    enlarged = F.interpolate(maps.float()[:, None], images.shape[2:], mode="bilinear")[:, 0]
    return enlarged.nan_to_num().clamp(0, 1)


def _cut(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    """Return the output as the start of the graph, so that no layer before keeps its output.

    It is a clone, since the next layer may change it in place.
    """
    return output.detach().requires_grad_().clone()
