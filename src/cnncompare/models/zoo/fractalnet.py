"""FractalNet for CIFAR: Larsson, Maire and Shakhnarovich 2016, arXiv:1605.07648.

Section 2 and figure 1 with the sizes of section 4: 5 blocks of 3 columns with 64, 128, 256, 512 and
512 maps, 20 layers deep. Its published 38.6 M parameters come out when a 1x1 convolution widens
the maps in front of a block. The paper does not say how they widen, and in the authors' published
generator the first 3x3 convolution of every column does it, 33.7 M parameters: ``widen=false``.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register

WIDTHS = (64, 128, 256, 512, 512)  # maps of each block
DROPOUTS = (0.0, 0.1, 0.2, 0.3, 0.4)  # of each block, section 4


class DropPath(NamedTuple):
    """What is dropped in one training batch: section 3.

    An image that is `single` runs down its `column` alone, the same in every block (global
    drop-path). For the others a join drops each of its inputs with probability `local`, but never
    all of them. The paper draws once a batch; here every image draws its own, from torch's global
    generator, so that each parameter has a gradient in every batch, as distributed training asks.
    """

    single: Tensor  # bool [N, 1]
    column: Tensor  # int64 [N, 1]
    local: float


def draw_drop_path(images: Tensor, columns: int, local: float, global_share: float) -> DropPath:
    """Return the draws for a batch of `images`, a share of which runs down one column."""
    shape, device = [len(images), 1], images.device
    single = torch.rand(shape, device=device) < global_share
    return DropPath(single, torch.randint(columns, shape, device=device), local)


def kept_columns(drop: DropPath, ends: list[int]) -> Tensor:
    """Return which of the columns `ends` each image joins, bool [N, len(ends)], never none."""
    device = drop.single.device
    draws = torch.rand([len(drop.single), len(ends)], device=device)
    survivor = F.one_hot(draws.argmax(1), len(ends)) > 0  # uniform where all are dropped
    local = draws >= drop.local
    local = torch.where(local.any(1, keepdim=True), local, survivor)
    one = drop.column == torch.tensor(ends, device=device)
    # A join where the image's column does not end feeds other columns only: all may stay.
    one = one | ~one.any(1, keepdim=True)
    return torch.where(drop.single, one, local)


def join_columns(outputs: list[Tensor], ends: list[int], drop: DropPath | None) -> Tensor:
    """Return the mean of the outputs [N, C, H, W] of the columns `ends`, of the kept ones only."""
    stacked = torch.stack(outputs, dim=1)
    if drop is None:
        return stacked.mean(1)
    joined = kept_columns(drop, ends).to(stacked.dtype)
    weights = joined / joined.sum(1, keepdim=True)
    return (stacked * weights[:, :, None, None, None]).sum(1)


class FractalBlock(nn.Module):
    """Columns of 1, 2, 4, ... 3x3 convolutions that join wherever they end together.

    Pooling comes before the last join, as in the authors' implementation.
    """

    def __init__(self, in_channels: int, channels: int, columns: int, dropout: float) -> None:
        super().__init__()
        self.rows = 2 ** (columns - 1)
        self.columns = nn.ModuleList()
        for column in range(columns):
            inputs = [in_channels] + [channels] * (2**column - 1)
            units = [_conv_unit(maps, channels, 3, dropout) for maps in inputs]
            self.columns.append(nn.ModuleList(units))

    def forward(self, x: Tensor, drop: DropPath | None) -> Tensor:
        """Return the joined columns [N, channels, H / 2, W / 2] of `x` [N, in_channels, H, W]."""
        inputs = [x] * len(self.columns)
        joined = x
        for row in range(1, self.rows + 1):
            ends: list[int] = []  # the columns of which a convolution ends at this row
            outputs: list[Tensor] = []
            for column, units in enumerate(self.columns):
                for number, unit in enumerate(units.children()):
                    if row == (number + 1) * (self.rows >> column):
                        ends.append(column)
                        outputs.append(unit(inputs[column]))
            if row == self.rows:
                # The ceiling lets images of other than 32 pixels through; at 32 it does nothing.
                outputs = [F.max_pool2d(output, 2, ceil_mode=True) for output in outputs]
            joined = join_columns(outputs, ends, drop)
            for column in ends:
                inputs[column] = joined
        return joined


def _conv_unit(in_channels: int, channels: int, size: int, dropout: float) -> nn.Sequential:
    """Return convolution, dropout, batch norm and ReLU, in the order of the authors' code."""
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, size, padding=size // 2, bias=False),
        nn.Dropout(dropout),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )


class FractalNet(nn.Module):
    """Fractal blocks, each of which halves the image, and a linear layer."""

    def __init__(
        self,
        classes: int,
        in_channels: int,
        columns: int,
        widen: bool,
        dropout: bool,
        local_drop: float,
        global_share: float,
    ) -> None:
        super().__init__()
        self.wideners = nn.ModuleList()
        self.blocks = nn.ModuleList()
        for width, rate in zip(WIDTHS, DROPOUTS, strict=True):
            widens = widen and in_channels != width
            self.wideners.append(
                _conv_unit(in_channels, width, 1, 0.0) if widens else nn.Identity()
            )
            inputs = width if widens else in_channels
            self.blocks.append(FractalBlock(inputs, width, columns, rate if dropout else 0.0))
            in_channels = width
        self.fc = nn.Linear(in_channels, classes)
        self.columns, self.local_drop, self.global_share = columns, local_drop, global_share
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)  # as the authors' code has it
        nn.init.zeros_(self.fc.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        drop: DropPath | None = None
        if self.training:
            drop = draw_drop_path(images, self.columns, self.local_drop, self.global_share)
        x = images
        for widener, block in zip(self.wideners, self.blocks, strict=True):
            x = block(widener(x), drop)
        logits: Tensor = self.fc(x.amax((2, 3)))  # one pixel is left of 32
        return logits


@register(
    "fractalnet",
    family="fractalnet",
    year=2016,
    paper="Larsson et al. 2016, FractalNet, arXiv:1605.07648, section 4",
    input_size=(3, 32, 32),
)
def fractalnet(
    *,
    classes: int,
    in_channels: int,
    image_size: int,
    stem: str,
    columns: int = 3,
    widen: bool = True,
    dropout: bool = True,
    local_drop: float = 0.15,
    global_share: float = 0.5,
) -> nn.Module:
    """Return FractalNet-20 with dropout and drop-path, 38.6 M parameters.

    Both are the paper's for 400 epochs; with few epochs it learns faster without (table 1 has that
    too): ``dropout=false local_drop=0 global_share=0``.
    ``columns=4`` is 40 layers deep (at full width, unlike the narrowed 22.9 M of the paper).
    `local_drop` is the probability of local drop-path, `global_share` the share of images with
    global drop-path. Every column is computed for every image, dropped or not.
    """
    return FractalNet(classes, in_channels, columns, widen, dropout, local_drop, global_share)
