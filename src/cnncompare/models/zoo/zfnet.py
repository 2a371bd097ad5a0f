"""ZFNet: Zeiler and Fergus 2013, Visualizing and Understanding Convolutional Networks, figure 3."""

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register
from cnncompare.models.zoo.choices import (
    SWITCH,
    activation_layer,
    check_choice,
    dense_head,
    initial_gain,
    scaled,
)


class ContrastNorm(nn.Module):
    """Normalisation across the 5 nearest feature maps: Krizhevsky et al. 2012, section 3.3."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x` [N, C, H, W] across its channels."""
        # PyTorch averages the 5 squares; the paper adds them.
        return F.local_response_norm(x, size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)


@dataclass(frozen=True)
class ZFNetOptions:
    """The options of the builder; the defaults are the network of figure 3."""

    wide: bool = False
    activation: str = "relu"
    lrn: bool = True
    dropout: float = 0.5
    width: float = 1.0
    conv1: str = "7x7/2"

    def __post_init__(self) -> None:
        check_choice("wide", self.wide, SWITCH)
        check_choice("lrn", self.lrn, SWITCH)
        check_choice("conv1", self.conv1, ("7x7/2", "11x11/4"))

    def channels(self) -> list[int]:
        """Return the output channels of the five convolutions."""
        widths = (96, 256, 512, 1024, 512) if self.wide else (96, 256, 384, 384, 256)
        return [scaled(channels, self.width) for channels in widths]


class ZFNet(nn.Module):
    """Five convolutions, max pooling after 1, 2 and 5, and dense layers."""

    def __init__(self, classes: int, in_channels: int, variant: ZFNetOptions, small: bool) -> None:
        super().__init__()
        one, two, three, four, five = variant.channels()
        act = activation_layer(variant.activation)
        self.features = nn.Sequential(
            *(_small_front if small else _front)(in_channels, one, two, variant),
            nn.Conv2d(two, three, 3, padding=1),
            act(),
            nn.Conv2d(three, four, 3, padding=1),
            act(),
            nn.Conv2d(four, five, 3, padding=1),
            act(),
            nn.MaxPool2d(3, 2, padding=1 if small else 0),
            nn.AdaptiveAvgPool2d(4 if small else 6),  # has no effect at 32 and 224 pixels
            nn.Flatten(),
        )
        self.classifier = _head(five, classes, variant, small)
        _initialise(self, small or variant.width != 1, initial_gain(variant.activation))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


def _norm(variant: ZFNetOptions) -> list[nn.Module]:
    return [ContrastNorm()] if variant.lrn else []


def _front(in_channels: int, one: int, two: int, variant: ZFNetOptions) -> list[nn.Module]:
    """Return layers 1 and 2, which reduce 224 pixels to 110, 55, 26 and 13, as in figure 3.

    These sizes require a padding of 1 and pooling windows that extend beyond the border. With the
    first layer of AlexNet, 11x11/4, the second has stride 1 as there, so that its maps have the
    same size.
    """
    act = activation_layer(variant.activation)
    if variant.conv1 == "7x7/2":
        conv1, conv2 = nn.Conv2d(in_channels, one, 7, 2, padding=1), nn.Conv2d(one, two, 5, 2)
    else:
        conv1 = nn.Conv2d(in_channels, one, 11, 4, padding=2)
        conv2 = nn.Conv2d(one, two, 5, 1, padding=2)
    pools = [nn.MaxPool2d(3, 2, ceil_mode=True) for _ in range(2)]
    return [conv1, act(), pools[0], *_norm(variant), conv2, act(), pools[1], *_norm(variant)]


def _small_front(in_channels: int, one: int, two: int, variant: ZFNetOptions) -> list[nn.Module]:
    """Return layers 1 and 2 for small images, whose maps have 32, 16, 16 and 8 pixels for 32."""
    if variant.conv1 != "7x7/2":
        raise ValueError("conv1=11x11/4 needs model.stem=imagenet; small images have 3x3/1")
    act = activation_layer(variant.activation)
    conv1 = nn.Conv2d(in_channels, one, 3, padding=1)
    conv2 = nn.Conv2d(one, two, 5, padding=2)
    pools = [nn.MaxPool2d(3, 2, padding=1) for _ in range(2)]
    return [conv1, act(), pools[0], *_norm(variant), conv2, act(), pools[1], *_norm(variant)]


def _head(channels: int, classes: int, variant: ZFNetOptions, small: bool) -> nn.Sequential:
    if small:
        return nn.Sequential(nn.Dropout(variant.dropout), nn.Linear(channels * 4 * 4, classes))
    inputs = channels * 6 * 6
    return dense_head(inputs, classes, variant.activation, variant.dropout, variant.width)


def _initialise(network: nn.Module, he_2015: bool, gain: Literal["relu", "linear"]) -> None:
    """Draw weights from N(0, 0.01) and set biases to 0; section 3.

    The first convolution of the small form has only 27 inputs instead of 147, with which this
    initialisation attenuates the signal: after 40 steps on digits the loss was still ln 10. The
    small form and networks of another width are therefore initialised as in He et al. 2015,
    arXiv:1502.01852.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            if he_2015:
                nn.init.kaiming_normal_(layer.weight, nonlinearity=gain)
            else:
                nn.init.normal_(layer.weight, std=0.01)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)


@register(
    "zfnet",
    family="zfnet",
    year=2013,
    paper="Zeiler and Fergus 2013, Visualizing and Understanding Conv. Networks, arXiv:1311.2901",
    input_size=(3, 224, 224),
    small_image_changes=(
        "conv1 7x7/2 -> 3x3/1",
        "conv2 5x5/2 -> 5x5/1",
        "max pools padded by 1",
        "dense layers 4096-4096 -> none",
        "weights N(0, 0.01) -> He 2015",
    ),
)
def zfnet(
    *,
    classes: int,
    in_channels: int,
    image_size: int,
    stem: str,
    wide: bool = False,
    activation: str = "relu",
    lrn: bool = True,
    dropout: float = 0.5,
    width: float = 1.0,
    conv1: str = "7x7/2",
) -> nn.Module:
    """Return ZFNet; 62,357,608 parameters at 224 pixels and 1,000 classes.

    ``wide=true`` has 512, 1024 and 512 channels in layers 3 to 5, as in table 2 of the paper and in
    many textbooks, and 107,627,624 parameters. ``conv1=11x11/4`` is the first layer of AlexNet,
    which the paper replaces (section 4.1); ``width`` multiplies the channels and hidden units. The
    paper's rescaling of filters with an RMS above 0.1 concerns the training and is not implemented.
    """
    variant = ZFNetOptions(wide, activation, lrn, dropout, width, conv1)
    return ZFNet(classes, in_channels, variant, small=stem == "cifar")
