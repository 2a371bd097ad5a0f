"""QuickNet: the ResNet-9 of Page 2018 with one stage less, which trains within seconds on a CPU.

As in ResNet-9, each stage begins with a convolution and pooling, the residual parts have two
convolutions, global max pooling precedes the classifier, and the logits are scaled down. To reduce
the cost, the first convolution halves the image, and pooling precedes batch norm, which then
processes a quarter of the pixels.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register

LOGIT_SCALE: Final = (
    0.25  # Page: 0.125; a scale of 1 costs 3 points in one epoch of CIFAR-10, width 32
)


class QuickNetResidual(nn.Module):
    """Two 3x3 convolutions with a shortcut, without activation after the addition."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(_conv(channels, channels), _conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum [N, channels, H, W]."""
        summed: Tensor = x + self.residual(x)
        return summed


class QuickNet(nn.Module):
    """Feature maps of 1/2, 1/4 and 1/8 of the image size with 1, 2 and 4 times `width` channels."""

    logit_scale: Final[float]  # TorchScript does not support global variables

    def __init__(self, width: int, classes: int, in_channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _conv(in_channels, width, stride=2),
            _conv(width, 2 * width, pool=True),
            QuickNetResidual(2 * width),
            _conv(2 * width, 4 * width, pool=True),
            QuickNetResidual(4 * width),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
        )
        self.fc = nn.Linear(4 * width, classes)
        self.logit_scale = LOGIT_SCALE

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W] of 8 pixels or more."""
        logits: Tensor = self.fc(self.features(images)) * self.logit_scale
        return logits


class ZeroedConv(nn.Conv2d):
    """A convolution of which the first `zeroed` filters are zero, before and after training."""

    def __init__(self, conv: nn.Conv2d, zeroed: int) -> None:
        stride, padding = conv.stride[0], int(conv.padding[0])
        super().__init__(conv.in_channels, conv.out_channels, 3, stride, padding, bias=False)
        self.zeroed = zeroed
        with torch.no_grad():
            self.weight[:] = conv.weight
            self.weight[:zeroed] = 0

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps [N, C, H, W], the first ones zero."""
        kept = F.conv2d(x, self.weight[self.zeroed :], None, self.stride, self.padding)
        return F.pad(kept, (0, 0, 0, 0, self.zeroed, 0))


def zero_filters(network: nn.Module, share: float) -> None:
    """Replace each convolution of `network` by one with this share of its filters zero."""
    if not 0 <= share < 1:
        raise ValueError(f"zeroed={share}: expected a share from 0 to below 1")
    convs = [(name, m) for name, m in network.named_modules() if isinstance(m, nn.Conv2d)]
    for name, conv in convs:
        parent, _, child = name.rpartition(".")
        zeroed = ZeroedConv(conv, int(share * conv.out_channels))
        setattr(network.get_submodule(parent), child, zeroed)


def _conv(inputs: int, outputs: int, stride: int = 1, pool: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)]
    if pool:
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs), nn.ReLU())


@register(
    "quicknet",
    family="quicknet",
    year=2018,
    paper="after Page 2018, How to Train Your ResNet, myrtle.ai",
    input_size=(3, 32, 32),
)
def quicknet(
    *,
    classes: int,
    in_channels: int,
    image_size: int,
    stem: str,
    width: int = 16,
    zeroed: float = 0.0,
) -> nn.Module:
    """Return QuickNet; 0.12 M parameters and 0.0048 GMACs at the default width.

    ``zeroed=0.5`` keeps half of the filters of each convolution at zero, a defect that a comparison
    must find.
    """
    network = QuickNet(width, classes, in_channels)
    if zeroed:
        zero_filters(network, zeroed)
    return network
