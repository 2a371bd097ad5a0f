"""Wide ResNets for CIFAR: Zagoruyko and Komodakis 2016, arXiv:1605.07146, table 1."""

from torch import nn

from cnncompare.models.registry import register
from cnncompare.models.zoo.preact_resnet import PreActResNet, basic_convs, small_front

_PAPER = "Zagoruyko and Komodakis 2016, Wide Residual Networks, arXiv:1605.07146, table 1"
_SIZE = (3, 32, 32)


@register("wrn_28_10", family="wide_resnet", year=2016, paper=_PAPER, input_size=_SIZE)
def wrn_28_10(
    *, classes: int, in_channels: int, image_size: int, stem: str, dropout: float = 0.0
) -> nn.Module:
    """Return WRN-28-10, 36.5 M parameters; table 6 of the paper also uses dropout 0.3."""
    return _wide_resnet(28, 10, classes, in_channels, dropout)


@register("wrn_40_2", family="wide_resnet", year=2016, paper=_PAPER, input_size=_SIZE)
def wrn_40_2(
    *,
    classes: int,
    in_channels: int,
    image_size: int,
    stem: str,
    dropout: float = 0.0,
    depth: int = 40,
    widening: int = 2,
) -> nn.Module:
    """Return WRN-40-2, 2.2 M parameters; ``depth=16 widening=4`` is WRN-16-4, 2.7 M."""
    return _wide_resnet(depth, widening, classes, in_channels, dropout)


def _wide_resnet(
    depth: int, widening: int, classes: int, in_channels: int, dropout: float
) -> nn.Module:
    """Return three stages of (depth - 4) / 6 units with 16, 32, 64 times `widening` channels."""
    blocks, rest = divmod(depth - 4, 6)
    if rest or blocks < 1 or widening < 1:
        raise ValueError(f"depth={depth} widening={widening}: expected 6n + 4, and 1 or more")
    widths = (16 * widening, 32 * widening, 64 * widening)
    front = small_front(in_channels, 16)
    return PreActResNet(basic_convs, (blocks,) * 3, widths, classes, front, 16, dropout)
