"""ResNeXt for CIFAR: Xie, Girshick, Dollar, Tu and He 2016, arXiv:1611.05431, section 5.3."""

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from cnncompare.models.registry import register


class CifarResNeXt(nn.Module):
    """A 3x3 convolution, three stages of three torchvision bottlenecks each, and a mean.

    Each bottleneck has `groups` paths (the cardinality C) of `width` channels (d) in the first
    stage; the channels double from stage to stage.
    """

    def __init__(self, groups: int, width: int, classes: int, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.stage1 = _stage(64, 64, 1, groups, width)
        self.stage2 = _stage(256, 128, 2, groups, width)
        self.stage3 = _stage(512, 256, 2, groups, width)
        self.fc = nn.Linear(1024, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.fc.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        x = F.relu(self.bn1(self.conv1(images)))
        x = self.stage3(self.stage2(self.stage1(x)))
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


def _stage(in_channels: int, planes: int, stride: int, groups: int, width: int) -> nn.Sequential:
    channels = planes * Bottleneck.expansion
    shortcut = nn.Sequential(
        nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
    )
    return nn.Sequential(
        Bottleneck(in_channels, planes, stride, shortcut, groups, width),
        Bottleneck(channels, planes, groups=groups, base_width=width),
        Bottleneck(channels, planes, groups=groups, base_width=width),
    )


@register(
    "resnext29_8x64d",
    family="resnext",
    year=2016,
    paper="Xie et al. 2016, Aggregated Residual Transformations, arXiv:1611.05431, section 5.3",
    input_size=(3, 32, 32),
)
def resnext29_8x64d(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
    """Return ResNeXt-29, 8x64d; 34.4 M parameters in table 7."""
    return CifarResNeXt(8, 64, classes, in_channels)
