"""Inception-ResNet-v1: Szegedy, Ioffe, Vanhoucke and Alemi 2016, arXiv:1602.07261.

Figures 10 to 14, table 1 and figure 15 (the whole network). The paper gives no initialisation; the
authors' released code draws convolutions as in Glorot and Bengio 2010, and so does this.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register

KernelSize = int | tuple[int, int]


def _conv(
    in_channels: int, channels: int, size: KernelSize, stride: int = 1, pad: bool = True
) -> nn.Module:
    """Return convolution, batch norm and ReLU; `pad` keeps the size, as unmarked in the figures."""
    height, width = (size, size) if isinstance(size, int) else size
    padding = (height // 2, width // 2) if pad else 0
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, (height, width), stride, padding, bias=False),
        nn.BatchNorm2d(channels, eps=1e-3),  # the authors' released code
        nn.ReLU(),
    )


class ParallelBranches(nn.Module):
    """ParallelBranches side by side, their maps concatenated."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Return the concatenated maps of all branches."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class InceptionResidual(nn.Module):
    """An Inception-ResNet module: branches, a linear 1x1 convolution, scaled and added.

    `scale` is from the range 0.1 to 0.3 of section 3.3; which value for which module is taken from
    the authors' released Inception-ResNet-v2.
    """

    def __init__(
        self, branches: ParallelBranches, branch_maps: int, maps: int, scale: float
    ) -> None:
        super().__init__()
        self.branches = branches
        self.linear = nn.Conv2d(branch_maps, maps, 1)  # no batch norm on the sums: section 3.2
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the shape of `x`."""
        return F.relu(x + self.scale * self.linear(self.branches(x)))


def _stem(in_channels: int) -> nn.Sequential:
    """Return figure 14: 299 pixels to 35x35x256."""
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
    """Return figure 14 with one of its three halvings and no lost borders: 32 to 16x16x256."""
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
    """Return Reduction-A, figure 7 with k, l, m, n = 192, 192, 256, 384: 256 to 896 maps."""
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
    """Return Reduction-B, figure 12: 896 to 1792 maps."""
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
    """Stem, 5 A, reduction, 10 B, reduction, 5 C, mean, dropout (keep 0.8): figure 15."""

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
    """Return Inception-ResNet-v1; the last maps are 8x8 at 299 pixels, 4x4 at 32 (small stem)."""
    return InceptionResNetV1(classes, in_channels, small=stem == "cifar")
