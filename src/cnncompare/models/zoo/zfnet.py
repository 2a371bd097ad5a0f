"""ZFNet: Zeiler and Fergus 2013, Visualizing and Understanding Convolutional Networks, figure 3."""

import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register


class ContrastNorm(nn.Module):
    """Normalisation across the 5 nearest feature maps: Krizhevsky et al. 2012, section 3.3."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x` [N, C, H, W] across its channels."""
        # PyTorch averages the 5 squares; the paper adds them.
        return F.local_response_norm(x, size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)


class ZFNet(nn.Module):
    """Five convolutions with `widths` channels, max pooling after 1, 2 and 5, and dense layers."""

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
            nn.AdaptiveAvgPool2d(4 if small else 6),  # has no effect at 32 and 224 pixels
            nn.Flatten(),
        )
        self.classifier = (_small_head if small else _head)(five, classes)
        _initialise(self, small)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


def _front(in_channels: int, one: int, two: int) -> list[nn.Module]:
    """Return layers 1 and 2, which reduce 224 pixels to 110, 55, 26 and 13, as in figure 3.

    These sizes require a padding of 1 and pooling windows that extend beyond the border.
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
    """Return layers 1 and 2 for small images, whose maps have 32, 16, 16 and 8 pixels for 32."""
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


def _head(channels: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(channels * 6 * 6, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, classes),
    )


def _small_head(channels: int, classes: int) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(0.5), nn.Linear(channels * 4 * 4, classes))


def _initialise(network: nn.Module, small: bool) -> None:
    """Draw weights from N(0, 0.01) and set biases to 0; section 3.

    The first convolution of the `small` form has only 27 inputs instead of 147, with which this
    initialisation attenuates the signal: after 40 steps on digits the loss was still ln 10. The
    small form is therefore initialised as in He et al. 2015, arXiv:1502.01852.
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

    ``wide=true`` has 512, 1024 and 512 channels in layers 3 to 5, as in table 2 of the paper and in
    many textbooks, and 107,627,624 parameters. The paper's rescaling of filters with an RMS above
    0.1 concerns the training and is not implemented.
    """
    widths = (96, 256, 512, 1024, 512) if wide else (96, 256, 384, 384, 256)
    return ZFNet(widths, classes, in_channels, small=stem == "cifar")
