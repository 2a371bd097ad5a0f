"""LeNet-5: LeCun, Bottou, Bengio and Haffner 1998, Gradient-Based Learning, section II.B.

As in most implementations today, C3 is connected to all six maps of S2 (in the paper, by a table),
subsampling is plain averaging (in the paper, with a trainable coefficient and bias), and the output
is a linear layer (in the paper, radial basis functions).
"""

from torch import Tensor, nn

from cnncompare.models.registry import register
from cnncompare.models.zoo.choices import activation_layer


class LeNet5(nn.Module):
    """Layers C1 to F6 with tanh and a linear output layer; 61,706 parameters on 1x32x32."""

    def __init__(
        self, classes: int, in_channels: int, image_size: int, activation: str = "tanh"
    ) -> None:
        super().__init__()
        act = activation_layer(activation)
        map_size = ((image_size - 4) // 2 - 4) // 2  # 5 at the paper's 32 pixels
        if map_size < 1:
            raise ValueError(f"images of {image_size} pixels are too small for LeNet-5")
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5),
            act(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            act(),
            nn.AvgPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * map_size**2, 120),
            act(),
            nn.Linear(120, 84),
            act(),
            nn.Linear(84, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, image_size, image_size]."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


@register(
    "lenet5",
    family="lenet",
    year=1998,
    paper="LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition",
    input_size=(1, 32, 32),
)
def lenet5(
    *, classes: int, in_channels: int, image_size: int, stem: str, activation: str = "tanh"
) -> nn.Module:
    """Return LeNet-5; the image size determines the number of inputs of C5.

    ``activation=relu`` replaces tanh.
    """
    return LeNet5(classes, in_channels, image_size, activation)
