"""Pre-activation ResNets: He, Zhang, Ren and Sun 2016, arXiv:1603.05027, figure 4e and appendix.

In the first unit, the shortcut starts from the activated input, as in the paper. timm's resnetv2
uses the raw input there.
"""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register
from cnncompare.models.zoo.choices import check_depth

_PAPER = "He et al. 2016, Identity Mappings in Deep Residual Networks, arXiv:1603.05027"
_SIZE = (3, 32, 32)


def basic_convs(in_channels: int, channels: int, stride: int) -> list[nn.Conv2d]:
    """Return the two 3x3 convolutions of a unit of ResNet-18 and ResNet-110."""
    return [
        nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False),
        nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
    ]


def bottleneck_convs(in_channels: int, channels: int, stride: int) -> list[nn.Conv2d]:
    """Return the 1x1, 3x3 and 1x1 convolutions of a unit of ResNet-164.

    The last one has 4 x `channels` output channels.
    """
    return [
        nn.Conv2d(in_channels, channels, 1, bias=False),
        nn.Conv2d(channels, channels, 3, stride, 1, bias=False),
        nn.Conv2d(channels, 4 * channels, 1, bias=False),
    ]


class PreActUnit(nn.Module):
    """A residual unit with batch norm and ReLU before each of `convs` and none after the addition.

    With `activates_shortcut`, or if channels or size change, the shortcut also starts from the
    activated input (appendix of the paper). `dropout` is applied before the last convolution, as
    in Wide ResNets.
    """

    def __init__(
        self, convs: list[nn.Conv2d], stride: int, activates_shortcut: bool, dropout: float = 0.0
    ) -> None:
        super().__init__()
        in_channels, channels = convs[0].in_channels, convs[-1].out_channels
        self.bn1 = nn.BatchNorm2d(in_channels)
        layers: list[nn.Module] = []
        for conv in convs[:-1]:
            layers += [conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU()]
        self.residual = nn.Sequential(*layers, nn.Dropout(dropout), convs[-1])
        self.projection = None
        if in_channels != channels or stride > 1:
            self.projection = nn.Conv2d(in_channels, channels, 1, stride, bias=False)
        self.activates_shortcut = activates_shortcut or self.projection is not None

    def forward(self, x: Tensor) -> Tensor:
        """Return the unit's output [N, channels, H / stride, W / stride]."""
        activated = F.relu(self.bn1(x))
        shortcut = activated if self.activates_shortcut else x
        if self.projection is not None:
            shortcut = self.projection(shortcut)
        summed: Tensor = self.residual(activated) + shortcut
        return summed


class PreActResNet(nn.Module):
    """The layers `front`, one stage of units per entry of `widths`, and a classifier.

    `blocks` holds the number of units of each stage. `convs`, which is basic_convs or
    bottleneck_convs, returns the convolutions of a unit. Each stage except the first halves the
    feature map. Batch norm and ReLU follow the last unit. `front_channels` is the number of output
    channels of `front`.
    """

    def __init__(
        self,
        convs: Callable[[int, int, int], list[nn.Conv2d]],
        blocks: Sequence[int],
        widths: Sequence[int],
        classes: int,
        front: Sequence[nn.Module],
        front_channels: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.front = nn.Sequential(*front)
        units: list[nn.Module] = []
        channels = front_channels
        for stage, (count, width) in enumerate(zip(blocks, widths, strict=True)):
            for unit in range(count):
                stride = 2 if stage > 0 and unit == 0 else 1
                unit_convs = convs(channels, width, stride)
                units.append(PreActUnit(unit_convs, stride, not units, dropout))
                channels = unit_convs[-1].out_channels
        self.units = nn.Sequential(*units)
        self.bn = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.fc.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        x = F.relu(self.bn(self.units(self.front(images))))
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


def small_front(in_channels: int, channels: int) -> list[nn.Module]:
    """Return the first layer for small images: a 3x3 convolution of stride 1."""
    return [nn.Conv2d(in_channels, channels, 3, 1, 1, bias=False)]


def _large_front(in_channels: int) -> list[nn.Module]:
    # As in timm's resnetv2, the batch norm and ReLU of the first unit follow the pooling; in the
    # authors' code they precede it.
    return [nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False), nn.MaxPool2d(3, 2, 1)]


@register(
    "preact_resnet18",
    family="preact_resnet",
    year=2016,
    paper=_PAPER,
    input_size=(3, 224, 224),
    small_image_changes=("conv1 7x7/2 -> 3x3/1", "max pool -> none"),
)
def preact_resnet18(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
    """Return ResNet-18 (He et al. 2015, table 1) with pre-activation units.

    The paper uses ResNet-110 and deeper networks; this size is common in comparisons on CIFAR.
    """
    front = small_front(in_channels, 64) if stem == "cifar" else _large_front(in_channels)
    return PreActResNet(basic_convs, (2, 2, 2, 2), (64, 128, 256, 512), classes, front, 64)


@register("preact_resnet110", family="preact_resnet", year=2016, paper=_PAPER, input_size=_SIZE)
def preact_resnet110(
    *, classes: int, in_channels: int, image_size: int, stem: str, depth: int = 110
) -> nn.Module:
    """Return the pre-activation ResNet-110 of table 2: 54 units with two convolutions, 1.7 M.

    ``depth=20`` is the pre-activation form of ResNet-20.
    """
    blocks, front = check_depth(depth, per_block=2), small_front(in_channels, 16)
    return PreActResNet(basic_convs, (blocks,) * 3, (16, 32, 64), classes, front, 16)


@register("preact_resnet164", family="preact_resnet", year=2016, paper=_PAPER, input_size=_SIZE)
def preact_resnet164(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
    """Return the pre-activation ResNet-164 of table 3: 54 bottleneck units, 1.7 M parameters."""
    front = small_front(in_channels, 16)
    return PreActResNet(bottleneck_convs, (18, 18, 18), (16, 32, 64), classes, front, 16)
