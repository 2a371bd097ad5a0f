"""Variants of torchvision's VGG and GoogLeNet, with options that torchvision does not have."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn
from torchvision import models
from torchvision.models.googlenet import BasicConv2d, Inception, InceptionAux

from cnncompare.models.zoo.choices import HEADS, SWITCH, check_choice, scaled

Builder = Callable[..., Any]  # torchvision has no types


def builder_of(name: str) -> Builder | None:
    """Return the builder of the variants of a torchvision network; None if there are none."""
    if name.startswith("vgg"):
        return build_vgg
    return build_googlenet if name == "googlenet" else None


def own_options(builder: Builder) -> set[str]:
    """Return the options that torchvision's own builder does not have."""
    return set(inspect.signature(builder).parameters) - {"name", "classes", "dropout", "options"}


def last_channels(network: models.VGG) -> int:
    """Return the output channels of the last convolution."""
    convs = [layer for layer in network.features if isinstance(layer, nn.Conv2d)]
    return int(convs[-1].out_channels)


def build_vgg(
    name: str,
    classes: int,
    *,
    width: float = 1.0,
    head: str = "dense",
    kernel: int = 3,
    dropout: float = 0.5,
    **options: Any,
) -> Any:
    """Return a VGG with variations of the paper's design.

    `width` multiplies the channels and hidden units; ``head=gap`` replaces the dense layers by
    global average pooling and one linear layer; ``kernel=5`` replaces each pair of 3x3 convolutions
    by one of 5x5 (section 4 of the paper), for networks whose stages have an even number of them.
    """
    check_choice("head", head, HEADS)
    check_choice("kernel", kernel, (3, 5))
    network = models.get_model(name, weights=None, num_classes=classes, dropout=dropout, **options)
    network.features = _features(network.features, width, kernel)
    channels = last_channels(network)
    if head == "gap":
        network.avgpool = nn.AdaptiveAvgPool2d(1)
        network.classifier = nn.Sequential(nn.Linear(channels, classes))
        nn.init.zeros_(network.classifier[0].bias)
    elif width != 1:
        units = scaled(4096, width)
        for index, (inputs, outputs) in {
            0: (channels * 49, units),
            3: (units, units),
            6: (units, classes),
        }.items():
            network.classifier[index] = nn.Linear(inputs, outputs)
    return network


def _features(original: nn.Sequential, width: float, kernel: int) -> nn.Sequential:
    """Return the convolutional layers with other widths or kernels, initialised as published."""
    layers: list[nn.Module] = []
    inputs, in_stage = 3, 0
    normalised = any(isinstance(layer, nn.BatchNorm2d) for layer in original)
    for layer in original:
        if isinstance(layer, nn.Conv2d):
            in_stage += 1
            if kernel == 3 or in_stage % 2:
                outputs = scaled(layer.out_channels, width)
                layers += _convolution(inputs, outputs, kernel, normalised)
                inputs = outputs
        elif isinstance(layer, nn.MaxPool2d):
            if kernel == 5 and in_stage % 2:
                raise ValueError(
                    "kernel=5 replaces pairs of 3x3 convolutions, and a stage has an odd number of "
                    "them; use vgg13, vgg13_bn, vgg19 or vgg19_bn"
                )
            layers, in_stage = [*layers, layer], 0
    return nn.Sequential(*layers)


def _convolution(inputs: int, outputs: int, kernel: int, normalised: bool) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    norm: list[nn.Module] = [nn.BatchNorm2d(outputs)] if normalised else []
    return [conv, *norm, nn.ReLU(inplace=True)]


def build_googlenet(
    name: str,
    classes: int,
    *,
    aux: bool = True,
    reduction: bool = True,
    width: float = 1.0,
    dropout: float = 0.2,
    **options: Any,
) -> Any:
    """Return GoogLeNet with variations of the paper's design.

    ``aux=false`` has no auxiliary heads; ``reduction=false`` applies the 3x3 and 5x5 convolutions
    to all channels (figure 2a instead of 2b), with as many output channels; `width` multiplies the
    channels.
    """
    check_choice("aux", aux, SWITCH)
    check_choice("reduction", reduction, SWITCH)
    if "blocks" in options or "aux_logits" in options:
        raise ValueError("aux, reduction and width exclude the options blocks and aux_logits")

    def conv(inputs: int, outputs: int, **kwargs: Any) -> Any:
        inputs = inputs if inputs == 3 else scaled(inputs, width)  # 3: of the image
        return BasicConv2d(inputs, scaled(outputs, width), **kwargs)

    def inception(*channels: int) -> Any:
        block = Inception(*channels, conv_block=conv)
        return block if reduction else _without_reductions(block, conv, *channels)

    def auxiliary(inputs: int, classes: int, dropout: float) -> Any:
        block = InceptionAux(inputs, classes, conv, dropout)
        units = scaled(1024, width)
        block.fc1, block.fc2 = nn.Linear(2 * units, units), nn.Linear(units, classes)
        return block

    network = models.GoogLeNet(
        num_classes=classes,
        aux_logits=aux,
        blocks=[conv, inception, auxiliary],
        dropout=dropout,
        **options,
    )
    if width != 1:
        network.fc = nn.Linear(scaled(1024, width), classes)
    for module in network.modules():  # those replaced here, as torchvision initialises them
        if isinstance(module, nn.Linear) and width != 1:
            nn.init.trunc_normal_(module.weight, std=0.01, a=-2, b=2)
    return network


def _without_reductions(
    block: Inception, conv: Builder, inputs: int, one: int, r3: int, three: int, r5: int,
    five: int, pool: int,
) -> Inception:  # fmt: skip
    # torchvision's "5x5" convolution is 3x3
    block.branch2 = conv(inputs, three, kernel_size=3, padding=1)
    block.branch3 = conv(inputs, five, kernel_size=3, padding=1)
    return block
