"""The original AlexNet: Krizhevsky, Sutskever and Hinton 2012, sections 3.3 to 3.5, 4.2 and 5.

torchvision's alexnet is the single-tower network of 2014, without response normalisation. Here,
grouped convolutions implement the paper's two towers, each of which ran on one GPU. The towers are
connected only in the third convolution and in the dense layers; responses are normalised within
each tower.
"""

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register
from cnncompare.models.zoo.choices import (
    HEADS,
    SWITCH,
    activation_layer,
    check_choice,
    dense_head,
    initial_gain,
    scaled,
)


class TowerNorm(nn.Module):
    """Local response normalisation within each tower, section 3.3.

    ``b_i = a_i / (2 + 1e-4 * sum a_j^2) ^ 0.75``, summed over the 5 feature maps j nearest to i.
    """

    def __init__(self, towers: int) -> None:
        super().__init__()
        self.towers = towers

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x` [N, C, H, W] across its channels."""
        batch, maps, height, width = x.shape
        split = x.reshape(batch * self.towers, maps // self.towers, height, width)
        # PyTorch averages the 5 squares; the paper adds them.
        normed = F.local_response_norm(split, size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)
        return normed.reshape(x.shape)


@dataclass(frozen=True)
class AlexNetOptions:
    """The options of the builder; the defaults are the network of the paper."""

    groups: int = 2
    activation: str = "relu"
    lrn: bool = True
    overlap: bool = True
    head: str = "dense"
    dropout: float = 0.5
    width: float = 1.0

    def __post_init__(self) -> None:
        check_choice("lrn", self.lrn, SWITCH)
        check_choice("overlap", self.overlap, SWITCH)
        check_choice("head", self.head, HEADS)

    def channels(self) -> list[int]:
        """Return the output channels of the five convolutions."""
        return [scaled(channels, self.width) for channels in (96, 256, 384, 384, 256)]


class AlexNet2012(nn.Module):
    """Five convolutions with overlapping max pooling, followed by dense layers."""

    def __init__(
        self, classes: int, in_channels: int, variant: AlexNetOptions, small: bool
    ) -> None:
        super().__init__()
        one, two, three, four, five = variant.channels()
        groups, act = variant.groups, activation_layer(variant.activation)
        conv1 = (
            nn.Conv2d(in_channels, one, 3, 1, 1) if small else nn.Conv2d(in_channels, one, 11, 4)
        )
        self.features = nn.Sequential(
            conv1,
            act(),
            *_norm_and_pool(variant, small),
            nn.Conv2d(one, two, 5, padding=2, groups=groups),
            act(),
            *_norm_and_pool(variant, small),
            nn.Conv2d(two, three, 3, padding=1),
            act(),
            nn.Conv2d(three, four, 3, padding=1, groups=groups),
            act(),
            nn.Conv2d(four, five, 3, padding=1, groups=groups),
            act(),
            _pool(variant, small),
            nn.AdaptiveAvgPool2d(_last_map(variant, small)),  # no effect at 32 and 227 pixels
            nn.Flatten(),
        )
        self.classifier = _head(classes, five * _last_map(variant, small) ** 2, variant, small)
        _initialise(self, small or variant.width != 1, initial_gain(variant.activation))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


def _norm_and_pool(variant: AlexNetOptions, small: bool) -> list[nn.Module]:
    norm: list[nn.Module] = [TowerNorm(variant.groups)] if variant.lrn else []
    return [*norm, _pool(variant, small)]


def _pool(variant: AlexNetOptions, small: bool) -> nn.MaxPool2d:
    if not variant.overlap:
        return nn.MaxPool2d(2, 2)  # section 3.4: s = z = 2, with maps of the same size
    # The padding reduces 32 to 16, 8 and 4 instead of 15, 7 and 3.
    return nn.MaxPool2d(3, 2, 1 if small else 0)


def _last_map(variant: AlexNetOptions, small: bool) -> int:
    """Return the pixels of the map that the head receives."""
    if variant.head == "gap":
        return 1
    return 4 if small else 6


def _head(classes: int, inputs: int, variant: AlexNetOptions, small: bool) -> nn.Sequential:
    if variant.head == "gap":
        return nn.Sequential(nn.Linear(inputs, classes))
    if small:
        return nn.Sequential(nn.Dropout(variant.dropout), nn.Linear(inputs, classes))
    return dense_head(inputs, classes, variant.activation, variant.dropout, variant.width)


def _initialise(network: AlexNet2012, he_2015: bool, gain: Literal["relu", "linear"]) -> None:
    """Draw weights from N(0, 0.01); set biases to 1 in convolutions 2, 4, 5 and hidden layers.

    This is section 5 of the paper. The first convolution of the small form has only 27 inputs
    instead of 363, with which this initialisation attenuates the signal: after 80 steps on digits
    the loss was still ln 10. The small form and networks of another width are therefore initialised
    as in He et al. 2015, arXiv:1502.01852, with biases 0.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    for number, layer in enumerate(layers, start=1):
        assert layer.bias is not None
        if he_2015:
            nn.init.kaiming_normal_(layer.weight, nonlinearity=gain)
            nn.init.zeros_(layer.bias)
            continue
        nn.init.normal_(layer.weight, std=0.01)
        hidden_dense = isinstance(layer, nn.Linear) and number < len(layers)
        nn.init.constant_(layer.bias, 1.0 if number in (2, 4, 5) or hidden_dense else 0.0)


@register(
    "alexnet2012",
    family="alexnet",
    year=2012,
    paper="Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Networks, NIPS",
    input_size=(3, 227, 227),
    small_image_changes=(
        "conv1 11x11/4 -> 3x3/1",
        "max pools padded by 1",
        "dense layers 4096-4096 -> none",
        "weights N(0, 0.01) -> He 2015",
    ),
)
def alexnet2012(
    *,
    classes: int,
    in_channels: int,
    image_size: int,
    stem: str,
    groups: int = 2,
    activation: str = "relu",
    lrn: bool = True,
    overlap: bool = True,
    head: str = "dense",
    dropout: float = 0.5,
    width: float = 1.0,
) -> nn.Module:
    """Return AlexNet; 60,965,224 parameters at 227 pixels and 1,000 classes.

    The paper states 224 pixels, but its 55x55 feature maps require 227. ``groups=1`` gives the
    single tower of many textbooks, with 62,378,344 parameters. ``activation=tanh``, ``lrn=false``,
    ``overlap=false`` (2x2 pooling of stride 2) and ``dropout=0`` undo ideas of the paper;
    ``head=gap`` replaces the dense layers by global average pooling and one linear layer; ``width``
    multiplies the channels and hidden units.
    """
    variant = AlexNetOptions(groups, activation, lrn, overlap, head, dropout, width)
    return AlexNet2012(classes, in_channels, variant, small=stem == "cifar")
