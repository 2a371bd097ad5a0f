"""ZFNet: Zeiler and Fergus 2013, Visualizing and Understanding Convolutional Networks, figure 3."""

import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register


class ContrastNorm(nn.Module):
    """Normalisation across the 5 nearest maps, as in Krizhevsky et al. 2012, section 3.3."""

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` normalised, [N, C, H, W]."""
        # PyTorch takes the mean of the 5 squares where the paper takes their sum.
        return F.local_response_norm(x, size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)


class ZFNet(nn.Module):
    """Five convolutions of `widths` maps, max pooling after the first, second and fifth."""

    def __init__(
        self, widths: tuple[int, int, int, int, int], classes: int, in_channels: int, small: bool
    ) -> None:
        super().__init__()
        one, two, three, four, five = widths
        self.features = nn.Sequential(
            *(_small_front if small else _front)(in_channels, one, two),
            nn.Conv2d(two, three, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(three, four, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(four, five, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, padding=1 if small else 0),
            nn.AdaptiveAvgPool2d(4 if small else 6),  # changes nothing at 32 and at 224 pixels
            nn.Flatten(),
        )
        self.classifier = (_small_head if small else _head)(five, classes)
        _initialise(self, small)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


def _front(in_channels: int, one: int, two: int) -> list[nn.Module]:
    """Return layers 1 and 2: maps of 110, 55, 26 and 13 pixels for images of 224, as in figure 3.

    The figure's sizes need a border of 1 around the image and pooling windows that hang over.
    """
    return [
        nn.Conv2d(in_channels, one, 7, 2, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        ContrastNorm(),
        nn.Conv2d(one, two, 5, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        ContrastNorm(),
    ]


def _small_front(in_channels: int, one: int, two: int) -> list[nn.Module]:
    """Return layers 1 and 2 for small images: maps of 32, 16, 16 and 8 pixels for images of 32."""
    return [
        nn.Conv2d(in_channels, one, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, padding=1),
        ContrastNorm(),
        nn.Conv2d(one, two, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, padding=1),
        ContrastNorm(),
    ]


def _head(maps: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(maps * 6 * 6, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, classes),
    )


def _small_head(maps: int, classes: int) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(0.5), nn.Linear(maps * 4 * 4, classes))


def _initialise(network: nn.Module, small: bool) -> None:
    """Draw weights from N(0, 0.01) with biases 0; section 3.

    Behind the small stem, whose first convolution has 27 inputs in place of 147, that shrinks the
    signal away (40 steps on digits left the loss at ln 10), so the small form draws as He et al.
    2015, arXiv:1502.01852.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            if small:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
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
    *, classes: int, in_channels: int, image_size: int, stem: str, wide: bool = False
) -> nn.Module:
    """Return ZFNet; 62,357,608 parameters at 224 pixels and 1,000 classes.

    ``wide=true`` has 512, 1024 and 512 maps in layers 3 to 5 (table 2 of the paper, and what
    textbooks print), 107,627,624 parameters. The paper's rescaling of filters above an RMS of 0.1
    is part of its training, not of the network, and is left out.
    """
    widths = (96, 256, 512, 1024, 512) if wide else (96, 256, 384, 384, 256)
    return ZFNet(widths, classes, in_channels, small=stem == "cifar")
