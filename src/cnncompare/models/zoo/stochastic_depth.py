"""Stochastic depth for the CIFAR ResNets: Huang, Sun, Liu, Sedra and Weinberger 2016."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.registry import register
from cnncompare.models.zoo.choices import check_depth
from cnncompare.models.zoo.resnet_cifar import CifarBasicBlock, CifarResNet


class StochasticBlock(CifarBasicBlock):
    """A residual block that keeps its residual with probability `survival`; equations 2 and 5.

    Training draws once per batch, from torch's global generator on the CPU, and does not compute a
    dropped residual; evaluation multiplies the residual by `survival`. The parameters of a dropped
    block have a gradient of 0 instead of none, since distributed training requires a gradient for
    each parameter.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, survival: float) -> None:
        super().__init__(in_channels, channels, stride)
        self.survival = survival

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output [N, channels, H / stride, W / stride]."""
        shortcut = self.shortcut(x)
        if self.training and torch.rand(()).item() >= self.survival:
            return F.relu(shortcut + self._zero())
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(shortcut + (residual if self.training else self.survival * residual))

    def _zero(self) -> Tensor:
        """Return a zero that depends on each parameter of the block."""
        convs = [self.conv1.weight, self.conv2.weight]
        norms = [self.bn1.weight, self.bn1.bias, self.bn2.weight, self.bn2.bias]
        return 0.0 * torch.stack([p.sum() for p in convs + norms]).sum()


def linear_decay(blocks: int, last: float) -> list[float]:
    """Return the survival probability of each block, decreasing linearly to `last`; equation 4."""
    return [1.0 - (number / blocks) * (1.0 - last) for number in range(1, blocks + 1)]


def make_stochastic(network: CifarResNet, last_survival: float) -> CifarResNet:
    """Make every residual block of `network` stochastic, in place, and return the network."""
    stages = (network.stage1, network.stage2, network.stage3)
    survival = iter(linear_decay(sum(len(stage) for stage in stages), last_survival))
    for stage in stages:
        for index, block in enumerate(stage):
            stage[index] = _stochastic(block, next(survival))
    return network


def _stochastic(block: nn.Module, survival: float) -> StochasticBlock:
    assert isinstance(block, CifarBasicBlock)
    conv = block.conv1
    stochastic = StochasticBlock(conv.in_channels, conv.out_channels, block.stride, survival)
    stochastic.load_state_dict(block.state_dict())
    return stochastic


@register(
    "resnet110_sd",
    family="resnet",
    year=2016,
    paper="Huang et al. 2016, Deep Networks with Stochastic Depth, arXiv:1603.09382, section 3",
    input_size=(3, 32, 32),
)
def resnet110_sd(
    *,
    classes: int,
    in_channels: int,
    image_size: int,
    stem: str,
    last_survival: float = 0.5,
    depth: int = 110,
) -> nn.Module:
    """Return ResNet-110 with stochastic depth, linear decay to `last_survival` (p_L); 1.7 M.

    ``depth=20`` is the stochastic form of ResNet-20. The shortcut is option A of He et al. 2015;
    the paper's code averages instead of subsampling.
    """
    network = CifarResNet(check_depth(depth, per_block=2), classes, in_channels)
    return make_stochastic(network, last_survival)
