"""FractalNet for CIFAR: Larsson, Maire and Shakhnarovich 2016, arXiv:1605.07648.

The network follows section 2 and figure 1 with the sizes of section 4: 5 blocks of 3 columns with
64, 128, 256, 512 and 512 channels, 20 layers deep. It has the paper's 38.6 M parameters if a 1x1
convolution before a block increases the channels. The paper does not specify this; in the authors'
code, the first 3x3 convolution of each column increases them, which gives 33.7 M parameters
(``widen=false``).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register

WIDTHS = (64, 128, 256, 512, 512)  # channels of each block
DROPOUTS = (0.0, 0.1, 0.2, 0.3, 0.4)  # of each block, section 4


class DropPath(NamedTuple):
    """The random draws of drop-path for one training batch: section 3.

    An image with `single` uses only its `column`, the same in every block (global drop-path). For
    the other images, each join drops each input with probability `local`, but never all of them.
    The paper draws once per batch; here each image has its own draws, from torch's global
    generator. Each parameter then has a gradient in every batch, as distributed training requires.
    """

    single: Tensor  # bool [N, 1]
    column: Tensor  # int64 [N, 1]
    local: float


def draw_drop_path(images: Tensor, columns: int, local: float, global_share: float) -> DropPath:
    """Return the draws for a batch, in which a `global_share` of the images uses one column."""
    shape, device = [len(images), 1], images.device
    single = torch.rand(shape, device=device) < global_share
    return DropPath(single, torch.randint(columns, shape, device=device), local)


def kept_columns(drop: DropPath, ends: list[int]) -> Tensor:
    """Return a mask of the columns `ends` that each image keeps, bool [N, len(ends)].

    Each image keeps at least one column.
    """
    device = drop.single.device
    draws = torch.rand([len(drop.single), len(ends)], device=device)
    survivor = F.one_hot(draws.argmax(1), len(ends)) > 0  # drawn uniformly if all are dropped
    local = draws >= drop.local
    local = torch.where(local.any(1, keepdim=True), local, survivor)
    one = drop.column == torch.tensor(ends, device=device)
    # A join that does not include the image's column affects only other columns and keeps all.
    one = one | ~one.any(1, keepdim=True)
    return torch.where(drop.single, one, local)


def join_columns(outputs: list[Tensor], ends: list[int], drop: DropPath | None) -> Tensor:
    """Return the mean of the kept outputs [N, C, H, W] among those of the columns `ends`."""
    stacked = torch.stack(outputs, dim=1)
    if drop is None:
        return stacked.mean(1)
    joined = kept_columns(drop, ends).to(stacked.dtype)
    weights = joined / joined.sum(1, keepdim=True)
    return (stacked * weights[:, :, None, None, None]).sum(1)


class FractalBlock(nn.Module):
    """Columns of 1, 2, 4, ... 3x3 convolutions, joined where several of them end.

    As in the authors' implementation, pooling precedes the last join.
    """

    def __init__(self, in_channels: int, channels: int, columns: int, dropout: float) -> None:
        super().__init__()
        self.rows = 2 ** (columns - 1)
        self.columns = nn.ModuleList()
        for column in range(columns):
            unit_inputs = [in_channels] + [channels] * (2**column - 1)
            units = [_conv_unit(n_inputs, channels, 3, dropout) for n_inputs in unit_inputs]
            self.columns.append(nn.ModuleList(units))

    def forward(self, x: Tensor, drop: DropPath | None) -> Tensor:
        """Return the joined columns [N, channels, H / 2, W / 2] of `x` [N, in_channels, H, W]."""
        inputs = [x] * len(self.columns)
        joined = x
        for row in range(1, self.rows + 1):
            ends: list[int] = []  # the columns with a convolution that ends at this row
            outputs: list[Tensor] = []
            for column, units in enumerate(self.columns):
                for number, unit in enumerate(units.children()):
                    if row == (number + 1) * (self.rows >> column):
                        ends.append(column)
                        outputs.append(unit(inputs[column]))
            if row == self.rows:
                # ceil_mode admits image sizes other than 32, at which it has no effect.
                outputs = [F.max_pool2d(output, 2, ceil_mode=True) for output in outputs]
            joined = join_columns(outputs, ends, drop)
            for column in ends:
                inputs[column] = joined
        return joined


def _conv_unit(in_channels: int, channels: int, size: int, dropout: float) -> nn.Sequential:
    """Return convolution, dropout, batch norm and ReLU, in this order as in the authors' code."""
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, size, padding=size // 2, bias=False),
        nn.Dropout(dropout),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )


class FractalNet(nn.Module):
    """Fractal blocks, each of which halves the feature map, and a linear layer."""

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
                nn.init.xavier_uniform_(module.weight)  # as in the authors' code
        nn.init.zeros_(self.fc.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        drop: DropPath | None = None
        if self.training:
            drop = draw_drop_path(images, self.columns, self.local_drop, self.global_share)
        x = images
        for widener, block in zip(self.wideners, self.blocks, strict=True):
            x = block(widener(x), drop)
        logits: Tensor = self.fc(x.amax((2, 3)))  # an image of 32 pixels ends in one pixel
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

    The defaults of dropout and drop-path are the paper's for 400 epochs. In few epochs the network
    learns faster without both, as in table 1: ``dropout=false local_drop=0 global_share=0``.
    ``columns=4`` is 40 layers deep, at full width; the paper's has fewer channels and 22.9 M
    parameters. `local_drop` is the probability of local drop-path, `global_share` the share of
    images with global drop-path. All columns are computed for all images, also if they are dropped.
    """
    return FractalNet(classes, in_channels, columns, widen, dropout, local_drop, global_share)
