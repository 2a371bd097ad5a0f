"""The original AlexNet: Krizhevsky, Sutskever and Hinton 2012, sections 3.3 to 3.5, 4.2 and 5.

torchvision's alexnet is the single-tower network of 2014, without response normalisation. Here,
grouped convolutions implement the paper's two towers, each of which ran on one GPU. The towers are
connected only in the third convolution and in the dense layers; responses are normalised within
each tower.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register


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


class AlexNet2012(nn.Module):
    """Five convolutions with overlapping max pooling, followed by dense layers."""

    def __init__(self, classes: int, in_channels: int, groups: int, small: bool) -> None:
        super().__init__()
        conv1 = nn.Conv2d(in_channels, 96, 3, 1, 1) if small else nn.Conv2d(in_channels, 96, 11, 4)
        pad = 1 if small else 0  # reduces 32 to 16, 8 and 4 instead of 15, 7 and 3
        self.features = nn.Sequential(
            conv1,
            nn.ReLU(),
            TowerNorm(groups),
            nn.MaxPool2d(3, 2, pad),
            nn.Conv2d(96, 256, 5, padding=2, groups=groups),
            nn.ReLU(),
            TowerNorm(groups),
            nn.MaxPool2d(3, 2, pad),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, 3, padding=1, groups=groups),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1, groups=groups),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, pad),
            nn.AdaptiveAvgPool2d(4 if small else 6),  # has no effect at 32 and 227 pixels
            nn.Flatten(),
        )
        self.classifier = _small_head(classes) if small else _head(classes)
        _initialise(self, small)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


def _head(classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, classes),
    )


def _small_head(classes: int) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(0.5), nn.Linear(256 * 4 * 4, classes))


def _initialise(network: AlexNet2012, small: bool) -> None:
    """Draw weights from N(0, 0.01); set biases to 1 in convolutions 2, 4, 5 and hidden layers.

    This is section 5 of the paper. The first convolution of the `small` form has only 27 inputs
    instead of 363, with which this initialisation attenuates the signal: after 80 steps on digits
    the loss was still ln 10. The small form is therefore initialised as in He et al. 2015,
    arXiv:1502.01852, with biases 0.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    for number, layer in enumerate(layers, start=1):
        assert layer.bias is not None
        if small:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
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
    *, classes: int, in_channels: int, image_size: int, stem: str, groups: int = 2
) -> nn.Module:
    """Return AlexNet; 60,965,224 parameters at 227 pixels and 1,000 classes.

    The paper states 224 pixels, but its 55x55 feature maps require 227. ``groups=1`` gives the
    single tower of many textbooks, with 62,378,344 parameters.
    """
    return AlexNet2012(classes, in_channels, groups, small=stem == "cifar")
