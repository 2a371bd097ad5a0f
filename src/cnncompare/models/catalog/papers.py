"""The papers of the torchvision and timm networks; registered networks name their own."""

from typing import NamedTuple


class Paper(NamedTuple):
    """The paper of a network, with its year and the network's family."""

    family: str
    year: int
    paper: str


# By the start of the name; the longest match applies.
TORCHVISION = {
    "alexnet": Paper("alexnet", 2014, "Krizhevsky 2014, One Weird Trick, arXiv:1404.5997"),
    "vgg": Paper("vgg", 2014, "Simonyan and Zisserman 2014, VGG, arXiv:1409.1556"),
    "googlenet": Paper(
        "inception", 2014, "Szegedy et al. 2014, Going Deeper with Convolutions, arXiv:1409.4842"
    ),
    "inception_v3": Paper(
        "inception", 2015, "Szegedy et al. 2015, Rethinking the Inception, arXiv:1512.00567"
    ),
    "resnet": Paper("resnet", 2015, "He et al. 2015, Deep Residual Learning, arXiv:1512.03385"),
    "wide_resnet": Paper(
        "wide_resnet", 2016, "Zagoruyko and Komodakis 2016, Wide ResNets, arXiv:1605.07146"
    ),
    "resnext": Paper(
        "resnext", 2016, "Xie et al. 2016, Aggregated Residual Transformations, arXiv:1611.05431"
    ),
    "densenet": Paper("densenet", 2016, "Huang et al. 2016, DenseNet, arXiv:1608.06993"),
    "squeezenet": Paper("squeezenet", 2016, "Iandola et al. 2016, SqueezeNet, arXiv:1602.07360"),
    "mobilenet_v2": Paper("mobilenet", 2018, "Sandler et al. 2018, MobileNetV2, arXiv:1801.04381"),
    "mobilenet_v3": Paper("mobilenet", 2019, "Howard et al. 2019, MobileNetV3, arXiv:1905.02244"),
    "shufflenet_v2": Paper("shufflenet", 2018, "Ma et al. 2018, ShuffleNet V2, arXiv:1807.11164"),
    "mnasnet": Paper("mnasnet", 2018, "Tan et al. 2018, MnasNet, arXiv:1807.11626"),
    "efficientnet": Paper("efficientnet", 2019, "Tan and Le 2019, EfficientNet, arXiv:1905.11946"),
    "efficientnet_v2": Paper(
        "efficientnet", 2021, "Tan and Le 2021, EfficientNetV2, arXiv:2104.00298"
    ),
    "regnet": Paper(
        "regnet", 2020, "Radosavovic et al. 2020, Designing Network Design Spaces, arXiv:2003.13678"
    ),
    "convnext": Paper(
        "convnext", 2022, "Liu et al. 2022, A ConvNet for the 2020s, arXiv:2201.03545"
    ),
}
TIMM = {
    "inception_v4": Paper(
        "inception", 2016, "Szegedy et al. 2016, Inception-v4, arXiv:1602.07261, figure 9"
    ),
    "inception_resnet_v2": Paper(
        "inception_resnet", 2016, "Szegedy et al. 2016, Inception-v4, arXiv:1602.07261, figure 15"
    ),
    "legacy_xception": Paper("xception", 2016, "Chollet 2016, Xception, arXiv:1610.02357"),
    "nasnetalarge": Paper("nasnet", 2017, "Zoph et al. 2017, NASNet, arXiv:1707.07012"),
    "resnet10t": Paper(
        "resnet", 2018, "He et al. 2018, Bag of Tricks, arXiv:1812.01187; timm's 10-layer variant"
    ),
}
# torchvision's transformers are not CNNs and are left out of the table.
NOT_CNNS = ("vit_", "swin_", "maxvit_")


def paper_of(source: str, name: str) -> Paper:
    """Return the paper of a torchvision or timm network; raises KeyError for an unknown one."""
    papers = TORCHVISION if source == "torchvision" else TIMM
    matches = [start for start in papers if name.startswith(start)]
    return papers[max(matches, key=len, default=name)]
