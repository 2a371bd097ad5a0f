"""DenseNet-BC for CIFAR: Huang, Liu, van der Maaten and Weinberger 2016, arXiv:1608.06993."""

from collections import OrderedDict

from torch import nn
from torchvision.models import DenseNet

from cnncompare.models.registry import register


@register(
    "densenet_bc_100_12",
    family="densenet",
    year=2016,
    paper="Huang et al. 2016, Densely Connected Conv. Networks, arXiv:1608.06993, section 3",
    input_size=(3, 32, 32),
)
def densenet_bc_100_12(
    *, classes: int, in_channels: int, image_size: int, stem: str, dropout: float = 0.0
) -> nn.Module:
    """Return DenseNet-BC (L = 100, k = 12); 0.8 M parameters in table 2.

    It is torchvision's DenseNet with three dense blocks of 16 bottlenecks, compression 0.5 and the
    paper's first layer for CIFAR: a 3x3 convolution with 2k channels, without norm and pooling. The
    paper uses ``dropout=0.2`` when it trains without data augmentation.
    """
    network = DenseNet(
        growth_rate=12,
        block_config=(16, 16, 16),
        num_init_features=24,
        drop_rate=dropout,
        num_classes=classes,
    )
    conv0 = nn.Conv2d(in_channels, 24, 3, 1, 1, bias=False)
    nn.init.kaiming_normal_(conv0.weight)
    kept = [
        (name, layer)
        for name, layer in network.features.named_children()
        if name not in ("conv0", "norm0", "relu0", "pool0")
    ]
    network.features = nn.Sequential(OrderedDict([("conv0", conv0), *kept]))
    built: nn.Module = network
    return built
