"""Stochastic depth: the rule, its draws, its expectation, and its gradients."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnncompare.models.complexity import count_params
from cnncompare.models.zoo.resnet_cifar import resnet110
from cnncompare.models.zoo.stochastic_depth import StochasticBlock, linear_decay, resnet110_sd


def network(last_survival: float = 0.5) -> nn.Module:
    return resnet110_sd(
        classes=10, in_channels=3, image_size=32, stem="cifar", last_survival=last_survival
    )


def blocks_of(built: nn.Module) -> list[StochasticBlock]:
    return [m for m in built.modules() if isinstance(m, StochasticBlock)]


def test_survival_decays_linearly_to_one_half() -> None:
    survival = [block.survival for block in blocks_of(network())]
    assert len(survival) == 54
    assert survival[0] == pytest.approx(1 - 0.5 / 54)
    assert survival[26] == pytest.approx(0.75)
    assert survival[-1] == pytest.approx(0.5)
    # "(3L - 1) / 4, ... L = 54 ... about 40": section 3.
    assert sum(survival) == pytest.approx((3 * 54 - 1) / 4)
    assert linear_decay(2, 0.0) == [0.5, 0.0]


def test_it_is_resnet110_with_the_same_weights_for_the_same_seed() -> None:
    torch.manual_seed(0)
    plain = resnet110(classes=10, in_channels=3, image_size=32, stem="cifar")
    torch.manual_seed(0)
    stochastic = network()
    assert count_params(stochastic) == count_params(plain)
    assert round(count_params(stochastic) / 1e6, 1) == 1.7
    for key, weight in plain.state_dict().items():
        assert (stochastic.state_dict()[key] == weight).all()


def test_all_blocks_surviving_is_resnet110() -> None:
    torch.manual_seed(0)
    plain = resnet110(classes=10, in_channels=3, image_size=32, stem="cifar")
    torch.manual_seed(0)
    images, stochastic = torch.randn(2, 3, 8, 8), network(last_survival=1.0)
    stochastic.load_state_dict(plain.state_dict())
    torch.testing.assert_close(stochastic.eval()(images), plain.eval()(images))
    torch.testing.assert_close(stochastic.train()(images), plain.train()(images))


def test_evaluation_multiplies_the_residual_by_its_survival() -> None:
    torch.manual_seed(0)
    block = StochasticBlock(16, 32, 2, survival=0.6).eval()
    x = torch.randn(2, 16, 8, 8)
    residual = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x)))))
    torch.testing.assert_close(block(x), F.relu(0.6 * residual + block.shortcut(x)))


def test_training_drops_a_block_at_its_rate_and_the_seed_fixes_it() -> None:
    block = StochasticBlock(4, 4, 1, survival=0.7).train()
    x = torch.rand(1, 4, 4, 4)

    def dropped(seed: int) -> list[bool]:
        torch.manual_seed(seed)
        return [bool((block(x) == x).all()) for _ in range(2000)]

    first = dropped(0)
    assert sum(first) / 2000 == pytest.approx(0.3, abs=0.04)  # 4 standard errors
    assert dropped(0) == first
    assert dropped(1) != first


def test_a_dropped_block_gets_gradients_of_zero_and_keeps_its_statistics() -> None:
    block = StochasticBlock(4, 8, 2, survival=0.0).train()
    block(torch.randn(2, 4, 4, 4, requires_grad=True)).sum().backward()
    for parameter in block.parameters():
        assert parameter.grad is not None
        assert not parameter.grad.any()
    assert block.bn1.num_batches_tracked == 0


@pytest.mark.filterwarnings("ignore:.torch.jit.*is deprecated:FutureWarning")
def test_a_script_drops_the_same_blocks_in_training() -> None:
    torch.manual_seed(0)
    block, x = StochasticBlock(4, 4, 1, survival=0.5).train(), torch.rand(2, 4, 4, 4)
    script = torch.jit.script(block)
    for seed in range(20):
        outputs = []
        for form in (block, script):
            torch.manual_seed(seed)
            outputs.append(form(x))
        torch.testing.assert_close(outputs[0], outputs[1])
