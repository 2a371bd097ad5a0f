"""FractalNet: its counts, the fractal's joins, and drop-path."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.complexity import count_params
from cnncompare.models.zoo.fractalnet import (
    DropPath,
    FractalBlock,
    FractalNet,
    draw_drop_path,
    fractalnet,
    kept_columns,
)

WIDTHS = [64, 128, 256, 512, 512]


def network(**options: float | bool) -> FractalNet:
    built = fractalnet(classes=10, in_channels=3, image_size=32, stem="cifar", **options)
    assert isinstance(built, FractalNet)
    return built


def test_parameters_are_the_papers_38_6_million() -> None:
    convs = 7 * 9 * sum(w * w for w in WIDTHS)  # 1 + 2 + 4 convolutions a block
    wideners = 3 * 64 + 64 * 128 + 128 * 256 + 256 * 512
    norms = 2 * (7 * sum(WIDTHS) + 64 + 128 + 256 + 512)
    params = count_params(network())
    assert params == convs + wideners + norms + 512 * 10 + 10
    assert round(params / 1e6, 1) == 38.6


def test_without_wideners_the_first_convolution_of_each_column_widens() -> None:
    inputs = [3, *WIDTHS[:-1]]
    convs = 9 * sum(3 * i * w + 4 * w * w for i, w in zip(inputs, WIDTHS, strict=True))
    params = count_params(network(widen=False))
    assert params == convs + 2 * 7 * sum(WIDTHS) + 5130 == 33_724_618


def test_each_block_has_its_own_dropout() -> None:
    for block, rate in zip(network().blocks, [0.0, 0.1, 0.2, 0.3, 0.4], strict=True):
        assert {m.p for m in block.modules() if isinstance(m, nn.Dropout)} == {rate}


def test_maps_shrink_from_32_to_one_pixel() -> None:
    fractal = network().eval()
    x, sizes = torch.randn(1, 3, 32, 32), []
    for widener, block in zip(fractal.wideners, fractal.blocks, strict=True):
        x = block(widener(x), None)
        sizes.append(tuple(x.shape[1:]))
    assert sizes == [(64, 16, 16), (128, 8, 8), (256, 4, 4), (512, 2, 2), (512, 1, 1)]


def block_and_images() -> tuple[FractalBlock, Tensor]:
    torch.manual_seed(0)
    block = FractalBlock(4, 6, 3, 0.0).eval()
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):  # so that eval is not close to the identity
            module.running_mean.normal_()
    return block, torch.randn(5, 4, 8, 8)


def test_joins_are_means_where_columns_end_together() -> None:
    block, x = block_and_images()
    columns: Any = block.columns
    (c1,), (b1, b2), (a1, a2, a3, a4) = columns
    middle = (b1(x) + a2(a1(x))) / 2
    ends = [F.max_pool2d(end, 2) for end in (c1(x), b2(middle), a4(a3(middle)))]
    torch.testing.assert_close(block(x, None), sum(ends) / 3)


def test_an_image_with_global_drop_runs_down_its_column_alone() -> None:
    block, x = block_and_images()
    column = torch.tensor([[0], [1], [2], [2], [1]])
    got = block(x, DropPath(torch.ones(5, 1, dtype=torch.bool), column, local=0.15))
    for image, chosen in enumerate(column.flatten().tolist()):
        alone = x[image : image + 1]
        for unit in block.columns[chosen]:
            alone = unit(alone)
        torch.testing.assert_close(got[image : image + 1], F.max_pool2d(alone, 2))


def test_local_drop_keeps_at_least_one_and_drops_at_its_rate() -> None:
    torch.manual_seed(0)
    images = 100_000
    nobody = torch.zeros(images, 1, dtype=torch.bool)
    drop = DropPath(nobody, torch.zeros(images, 1, dtype=torch.long), local=0.3)
    stays = kept_columns(drop, [0, 1, 2])
    assert stays.any(1).all()
    share = stays.float().mean(0)
    expected = 0.7 + 0.3**3 / 3  # a third of the joins that would lose all keep this one
    torch.testing.assert_close(share, torch.full((3,), expected), atol=0.006, rtol=0)


def test_half_of_the_images_run_down_a_column_drawn_uniformly() -> None:
    torch.manual_seed(0)
    drop = draw_drop_path(torch.empty(60_000, 1), columns=3, local=0.15, global_share=0.5)
    assert drop.single.float().mean().item() == pytest.approx(0.5, abs=0.01)
    shares = torch.bincount(drop.column.flatten(), minlength=3) / 60_000
    torch.testing.assert_close(shares, torch.full((3,), 1 / 3), atol=0.01, rtol=0)


def test_dropout_and_drop_path_can_be_switched_off() -> None:
    torch.manual_seed(0)
    fractal = network(dropout=False, local_drop=0.0, global_share=0.0).train()
    images = torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(fractal(images), fractal(images))


def test_training_is_random_and_fixed_by_the_seed() -> None:
    torch.manual_seed(0)
    fractal, images = network().train(), torch.randn(3, 3, 32, 32)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(fractal(images))
    torch.testing.assert_close(draws[0], draws[1], rtol=0, atol=0)
    assert (draws[0] != draws[2]).any()


@pytest.mark.filterwarnings("ignore:.torch.jit.*is deprecated:FutureWarning")
def test_a_script_drops_the_same_paths_in_training() -> None:
    torch.manual_seed(0)
    fractal, images = network().train(), torch.randn(3, 3, 32, 32)
    outputs = []
    for form in (fractal, torch.jit.script(fractal)):
        torch.manual_seed(1)
        outputs.append(form(images))
    torch.testing.assert_close(outputs[0], outputs[1])


@pytest.mark.parametrize("size", [8, 28, 40])
def test_images_of_other_sizes_pass(size: int) -> None:
    assert network().eval()(torch.randn(1, 3, size, size)).shape == (1, 10)
