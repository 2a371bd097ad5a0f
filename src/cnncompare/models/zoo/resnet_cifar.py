"""ResNets for CIFAR: He, Zhang, Ren and Sun 2015, arXiv:1512.03385, section 4.2 and table 6."""

import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register

_PAPER = "He et al. 2015, Deep Residual Learning, arXiv:1512.03385, section 4.2"
_SIZE = (3, 32, 32)


class CifarBasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut without parameters (option A): figure 2, section 4.2."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.new_channels = channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output [N, channels, H / stride, W / stride]."""
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.shortcut(x))

    def shortcut(self, x: Tensor) -> Tensor:
        """Return `x` subsampled and padded with zeros for the additional channels (option A)."""
        half = self.new_channels // 2
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, half))


class CifarPlainBlock(CifarBasicBlock):
    """The two convolutions without the shortcut, as in the plain networks of section 4.2."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output [N, channels, H / stride, W / stride]."""
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class CifarResNet(nn.Module):
    """A 3x3 convolution, three stages of `blocks` blocks (16, 32, 64 channels) and a mean."""

    def __init__(
        self,
        blocks: int,
        classes: int,
        in_channels: int,
        block: type[CifarBasicBlock] = CifarBasicBlock,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.stage1 = _stage(block, blocks, 16, 16, 1)
        self.stage2 = _stage(block, blocks, 16, 32, 2)
        self.stage3 = _stage(block, blocks, 32, 64, 2)
        self.fc = nn.Linear(64, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)  # He et al. 2015b, as in section 4.2

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        x = F.relu(self.bn1(self.conv1(images)))
        x = self.stage3(self.stage2(self.stage1(x)))
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


def _stage(
    block: type[CifarBasicBlock], blocks: int, in_channels: int, channels: int, stride: int
) -> nn.Sequential:
    first = block(in_channels, channels, stride)
    return nn.Sequential(first, *(block(channels, channels, 1) for _ in range(blocks - 1)))


@register("resnet20", family="resnet", year=2015, paper=_PAPER, input_size=_SIZE)
def resnet20(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
    """Return ResNet-20 (n = 3); 0.27 M parameters in table 6."""
    return CifarResNet(3, classes, in_channels)


@register("resnet32", family="resnet", year=2015, paper=_PAPER, input_size=_SIZE)
def resnet32(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
    """Return ResNet-32 (n = 5); 0.46 M parameters in table 6."""
    return CifarResNet(5, classes, in_channels)


@register("resnet44", family="resnet", year=2015, paper=_PAPER, input_size=_SIZE)
def resnet44(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
    """Return ResNet-44 (n = 7); 0.66 M parameters in table 6."""
    return CifarResNet(7, classes, in_channels)


@register("resnet56", family="resnet", year=2015, paper=_PAPER, input_size=_SIZE)
def resnet56(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
    """Return ResNet-56 (n = 9); 0.85 M parameters in table 6."""
    return CifarResNet(9, classes, in_channels)


@register("resnet110", family="resnet", year=2015, paper=_PAPER, input_size=_SIZE)
def resnet110(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
    """Return ResNet-110 (n = 18); 1.7 M parameters in table 6."""
    return CifarResNet(18, classes, in_channels)


@register("plain20", family="plain", year=2015, paper=_PAPER, input_size=_SIZE)
def plain20(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
    """Return ResNet-20 without its shortcuts, which have no parameters: 0.27 M as well."""
    return CifarResNet(3, classes, in_channels, CifarPlainBlock)


@register("plain56", family="plain", year=2015, paper=_PAPER, input_size=_SIZE)
def plain56(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
    """Return ResNet-56 without its shortcuts, which have no parameters: 0.85 M as well."""
    return CifarResNet(9, classes, in_channels, CifarPlainBlock)
