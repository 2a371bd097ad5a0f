"""Networks from torchvision, as published or adapted to small images."""

import inspect
from typing import Any

import torch
from torch import nn
from torchvision import models

from cnncompare.models.builtin import option_changes
from cnncompare.models.registry import BuiltModel
from cnncompare.models.stems import (
    adapt_to_small_images,
    replace_layer,
    resize_conv,
    set_input_channels,
)
from cnncompare.models.variants import builder_of, last_channels, own_options

# Loss weights of the auxiliary heads: Szegedy et al. 2014, section 5, and torchvision's reference
# training of Inception v3.
AUX_WEIGHTS = {"googlenet": 0.3, "inception_v3": 0.4}


def native_size(name: str) -> int:
    """Return the image size of the first pretrained weights, in pixels."""
    first = next(iter(models.get_model_weights(name)))
    size: int = first.transforms.keywords["crop_size"]
    return size


def build(
    name: str,
    *,
    classes: int,
    in_channels: int,
    image_size: int,
    stem: str,
    options: dict[str, Any],
) -> BuiltModel:
    """Return the network and its changes from the paper; `image_size` has no effect."""
    if name in AUX_WEIGHTS:
        # The initialisation of the paper. Without this option, torchvision warns that it is slow.
        options = {"init_weights": True, **options}
    variant = builder_of(name)
    if variant is None or not own_options(variant) & set(options):
        network = models.get_model(name, weights=None, num_classes=classes, **options)
    else:
        network = variant(name, classes, **options)
    changes: tuple[str, ...] = ()
    if in_channels != 3:
        set_input_channels(network, in_channels, native_size(name))
        changes = (f"{in_channels} input channel instead of 3",)
    if stem == "cifar":
        changes = _adapt_to_small_images(network, name, classes, in_channels) + changes
    if variant is not None:
        changes += option_changes(variant, options)
    aux_weight = AUX_WEIGHTS.get(name, 0.0) if getattr(network, "aux_logits", False) else 0.0
    return BuiltModel(network, name, "torchvision", stem, changes, aux_weight)


def known_options(name: str) -> list[str]:
    """Return the keyword arguments of the network's class, without the number of classes."""
    options = {"init_weights": False} if name in AUX_WEIGHTS else {}
    with torch.device("meta"):  # only the class is needed
        network = models.get_model(name, weights=None, **options)
    parameters = inspect.signature(type(network)).parameters
    variant = builder_of(name)
    own = own_options(variant) if variant is not None else set()
    known = dict.fromkeys([*parameters, *sorted(own)])
    return [option for option in known if option != "num_classes"]


def _adapt_to_small_images(
    network: nn.Module, name: str, classes: int, in_channels: int
) -> tuple[str, ...]:
    """Adapt `network` to small images in place; return the changes."""
    if isinstance(network, models.AlexNet):
        return _small_alexnet(network, classes)
    if isinstance(network, models.VGG):
        return _small_vgg(network, classes)
    if isinstance(network, models.Inception3):
        return _small_inception_v3(network)
    return adapt_to_small_images(network, name, in_channels, native_size(name))


def _small_alexnet(network: models.AlexNet, classes: int) -> tuple[str, ...]:
    """Adapt AlexNet as in bearpaw/pytorch-classification; return the changes.

    The feature maps have 32, 16, 8 and 4 pixels, and one linear layer follows.
    """
    conv1 = resize_conv(network.features[0], network.features[0].in_channels, 3)
    conv1.stride, conv1.padding = (1, 1), (1, 1)
    network.features[0] = conv1
    for pool in (2, 5, 12):
        network.features[pool].padding = 1
    network.avgpool = nn.AdaptiveAvgPool2d(4)
    dropout = network.classifier[0]
    network.classifier = nn.Sequential(dropout, nn.Linear(256 * 4 * 4, classes))
    return (
        "features.0 11x11/4 -> 3x3/1",
        "pools padded by 1",
        "avgpool 6x6 -> 4x4",
        "classifier 4096-4096 -> one linear layer",
    )


def _small_vgg(network: models.VGG, classes: int) -> tuple[str, ...]:
    """Adapt VGG as in Liu and Deng 2015; return the changes.

    All five halvings remain, down to 1x1, and the linear layers have 512 units instead of 4096.
    They are initialised as in He et al. 2015b, which preserves the variance of their input: with
    512 inputs instead of 25,088, torchvision's standard deviation of 0.01 would shrink the signal
    fourfold per layer.
    """
    if len(network.classifier) == 1:  # head=gap
        return ()
    network.avgpool = nn.AdaptiveAvgPool2d(1)
    units = last_channels(network)  # 512, with width=1
    for index, outputs in ((0, units), (3, units), (6, classes)):
        linear = nn.Linear(units, outputs)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.zeros_(linear.bias)
        network.classifier[index] = linear
    return ("avgpool 7x7 -> 1x1", "classifier 4096-4096 -> 512-512")


def _small_inception_v3(network: models.Inception3) -> tuple[str, ...]:
    """Adapt Inception v3; return the changes.

    Mixed_5b receives feature maps of 32x32 instead of 35x35; the later ones are 15x15 and 7x7.
    """
    network.Conv2d_1a_3x3.conv.stride = (1, 1)
    for block in (network.Conv2d_1a_3x3, network.Conv2d_2a_3x3, network.Conv2d_4a_3x3):
        block.conv.padding = (1, 1)
    replace_layer(network, "maxpool1", nn.Identity())
    replace_layer(network, "maxpool2", nn.Identity())
    changes = (
        "Conv2d_1a_3x3 3x3/2 -> 3x3/1",
        "Conv2d_1a, 2a and 4a padded by 1",
        "maxpool1 removed",
        "maxpool2 removed",
    )
    if network.AuxLogits is None:
        return changes
    network.AuxLogits.conv1.conv.padding = (2, 2)  # its 5x5 kernel meets a 4x4 map, natively 5x5
    return (*changes, "AuxLogits.conv1 padded by 2")
