"""Inception-ResNet-v1: Szegedy, Ioffe, Vanhoucke and Alemi 2016, arXiv:1602.07261.

The network follows figures 10 to 14, table 1 and figure 15 (the whole network). The paper does not
specify the initialisation; as in the authors' code, it is that of Glorot and Bengio 2010.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register

KernelSize = int | tuple[int, int]


def _conv(
    in_channels: int, channels: int, size: KernelSize, stride: int = 1, pad: bool = True
) -> nn.Module:
    """Return convolution, batch norm and ReLU.

    `pad` preserves the size, as in convolutions that the figures do not mark with V.
    """
    height, width = (size, size) if isinstance(size, int) else size
    padding = (height // 2, width // 2) if pad else 0
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, (height, width), stride, padding, bias=False),
        nn.BatchNorm2d(channels, eps=1e-3),  # as in the authors' code
        nn.ReLU(),
    )


class ParallelBranches(nn.Module):
    """Branches with a common input, whose outputs are concatenated."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Return the concatenated outputs of all branches for `x` [N, C, H, W]."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class InceptionResidual(nn.Module):
    """An Inception-ResNet module, which adds the scaled output of its branches to its input.

    A linear 1x1 convolution follows the branches. `scale` is in the range 0.1 to 0.3 of section
    3.3; the value for each module is that of the authors' Inception-ResNet-v2 code.
    """

    def __init__(
        self, branches: ParallelBranches, branch_channels: int, channels: int, scale: float
    ) -> None:
        super().__init__()
        self.branches = branches
        self.linear = nn.Conv2d(branch_channels, channels, 1)  # no batch norm: section 3.2
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """Return the rectified sum, of the same shape as `x`."""
        return F.relu(x + self.scale * self.linear(self.branches(x)))


def _stem(in_channels: int) -> nn.Sequential:
    """Return the stem of figure 14, which reduces 299 pixels to 35x35x256."""
    return nn.Sequential(
        _conv(in_channels, 32, 3, 2, pad=False),
        _conv(32, 32, 3, pad=False),
        _conv(32, 64, 3),
        nn.MaxPool2d(3, 2),
        _conv(64, 80, 1),
        _conv(80, 192, 3, pad=False),
        _conv(192, 256, 3, 2, pad=False),
    )


def _small_stem(in_channels: int) -> nn.Sequential:
    """Return the stem with one halving instead of three and padding: 32 pixels to 16x16x256."""
    return nn.Sequential(
        _conv(in_channels, 32, 3),
        _conv(32, 32, 3),
        _conv(32, 64, 3),
        _conv(64, 80, 1),
        _conv(80, 192, 3),
        _conv(192, 256, 3, 2),
    )


def _module_a() -> nn.Module:
    """Return Inception-ResNet-A, figure 10."""
    branches = ParallelBranches(
        _conv(256, 32, 1),
        nn.Sequential(_conv(256, 32, 1), _conv(32, 32, 3)),
        nn.Sequential(_conv(256, 32, 1), _conv(32, 32, 3), _conv(32, 32, 3)),
    )
    return InceptionResidual(branches, 96, 256, 0.17)


def _reduction_a(pad: bool) -> nn.Module:
    """Return Reduction-A, figure 7 with k, l, m, n = 192, 192, 256, 384: 256 to 896 channels."""
    return ParallelBranches(
        nn.MaxPool2d(3, 2, padding=int(pad)),
        _conv(256, 384, 3, 2, pad),
        nn.Sequential(_conv(256, 192, 1), _conv(192, 192, 3), _conv(192, 256, 3, 2, pad)),
    )


def _module_b() -> nn.Module:
    """Return Inception-ResNet-B, figure 11."""
    branches = ParallelBranches(
        _conv(896, 128, 1),
        nn.Sequential(_conv(896, 128, 1), _conv(128, 128, (1, 7)), _conv(128, 128, (7, 1))),
    )
    return InceptionResidual(branches, 256, 896, 0.10)


def _reduction_b(pad: bool) -> nn.Module:
    """Return Reduction-B, figure 12: 896 to 1792 channels."""
    return ParallelBranches(
        nn.MaxPool2d(3, 2, padding=int(pad)),
        nn.Sequential(_conv(896, 256, 1), _conv(256, 384, 3, 2, pad)),
        nn.Sequential(_conv(896, 256, 1), _conv(256, 256, 3, 2, pad)),
        nn.Sequential(_conv(896, 256, 1), _conv(256, 256, 3), _conv(256, 256, 3, 2, pad)),
    )


def _module_c() -> nn.Module:
    """Return Inception-ResNet-C, figure 13."""
    branches = ParallelBranches(
        _conv(1792, 192, 1),
        nn.Sequential(_conv(1792, 192, 1), _conv(192, 192, (1, 3)), _conv(192, 192, (3, 1))),
    )
    return InceptionResidual(branches, 384, 1792, 0.20)


class InceptionResNetV1(nn.Module):
    """The whole network, figure 15: stem, 5 A, reduction, 10 B, reduction, 5 C and classifier.

    The classifier averages the feature map and applies dropout with a keep probability of 0.8.
    """

    def __init__(self, classes: int, in_channels: int, small: bool) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _small_stem(in_channels) if small else _stem(in_channels),
            *(_module_a() for _ in range(5)),
            _reduction_a(pad=small),
            *(_module_b() for _ in range(10)),
            _reduction_b(pad=small),
            *(_module_c() for _ in range(5)),
        )
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1792, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        logits: Tensor = self.fc(self.dropout(self.features(images).mean((2, 3))))
        return logits


@register(
    "inception_resnet_v1",
    family="inception_resnet",
    year=2016,
    paper="Szegedy et al. 2016, Inception-v4, Inception-ResNet, arXiv:1602.07261, figures 10 to 15",
    input_size=(3, 299, 299),
    small_image_changes=(
        "stem conv1 3x3/2 -> 3x3/1",
        "stem max pool -> none",
        "stem convolutions and both reductions padded by 1",
    ),
)
def inception_resnet_v1(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
    """Return Inception-ResNet-v1; its last map is 8x8 at 299 pixels and 4x4 at 32 (small stem)."""
    return InceptionResNetV1(classes, in_channels, small=stem == "cifar")
