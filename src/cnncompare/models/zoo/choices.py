"""Values of the builders' options that several networks share."""

from collections.abc import Sequence
from typing import Any, Literal

from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}
HEADS = ("dense", "gap")
SWITCH = (True, False)


def check_choice(option: str, value: Any, choices: Sequence[Any]) -> None:
    """Raise ValueError unless `value` is one of the `choices` of the option."""
    if not any(
        value is choice or (value == choice and type(value) is type(choice)) for choice in choices
    ):
        known = " or ".join(str(choice).lower() for choice in choices)
        raise ValueError(f"{option}={value}: expected {known}")


def activation_layer(name: str) -> type[nn.Module]:
    """Return the layer called `name`; raises ValueError for an unknown one."""
    check_choice("activation", name, tuple(ACTIVATIONS))
    return ACTIVATIONS[name]


def initial_gain(activation: str) -> Literal["relu", "linear"]:
    """Return the nonlinearity for torch's initialisations; tanh is linear near zero."""
    return "relu" if activation == "relu" else "linear"


def scaled(channels: int, width: float) -> int:
    """Return `width` times the channels; raises ValueError unless it is a whole number."""
    exact = channels * width
    if exact < 1 or exact != int(exact):
        raise ValueError(f"width={width}: {channels} channels times the width are no whole number")
    return int(exact)


def dense_head(
    inputs: int, classes: int, activation: str, dropout: float, width: float
) -> nn.Sequential:
    """Return the head of AlexNet and ZFNet: two layers of `width` times 4096 units, and logits."""
    units, act = scaled(4096, width), activation_layer(activation)
    return nn.Sequential(
        nn.Linear(inputs, units),
        act(),
        nn.Dropout(dropout),
        nn.Linear(units, units),
        act(),
        nn.Dropout(dropout),
        nn.Linear(units, classes),
    )


def check_depth(depth: int, per_block: int) -> int:
    """Return the blocks in each of three stages, for 2 layers besides `per_block` in each."""
    blocks, rest = divmod(depth - 2, 3 * per_block)
    if rest or blocks < 1:
        near = 3 * per_block * max(1, round((depth - 2) / (3 * per_block))) + 2
        raise ValueError(f"depth={depth}: expected {3 * per_block}n + 2, such as {near}")
    return blocks
