"""Augmentations compared with torchvision's for the same draws."""

import pytest
import torch
from torchvision.transforms.functional import crop as reference_crop
from torchvision.transforms.functional import hflip, pad
from torchvision.transforms.v2 import functional as v2

from cnncompare.data import augment


def images_of(n: int, channels: int = 3, size: int = 32, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (n, channels, size, size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("padding", [0, 2, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_crop_equals_torchvisions_for_every_offset(padding: int, channels: int) -> None:
    side = 2 * padding + 1
    images = images_of(side * side, channels, size=16)
    dy = torch.arange(side).repeat_interleave(side)
    dx = torch.arange(side).repeat(side)
    cut = augment.crop(images, dy, dx, padding)
    for image, y, x, ours in zip(images, dy.tolist(), dx.tolist(), cut, strict=True):
        assert torch.equal(ours, reference_crop(pad(image, [padding]), y, x, 16, 16))


def test_flip_equals_torchvisions_where_the_mask_is_true() -> None:
    images = images_of(4)
    flipped = augment.flip(images, torch.tensor([True, False, True, False]))
    for index, image in enumerate(images):
        assert torch.equal(flipped[index], hflip(image) if index % 2 == 0 else image)


def test_adapt_repeats_grey_and_turns_colour_to_grey() -> None:
    grey = images_of(2, channels=1, size=8)
    assert torch.equal(augment.adapt(grey, (3, 8, 8)), grey.repeat(1, 3, 1, 1))
    colour = images_of(2, size=8)
    assert torch.equal(augment.adapt(colour, (1, 8, 8)), v2.rgb_to_grayscale(colour))


@pytest.mark.parametrize("size", [16, 48])
def test_adapt_resizes_the_shorter_side_and_crops_the_centre(size: int) -> None:
    wide = images_of(2, size=32)[:, :, :24]
    expected = v2.center_crop(v2.resize(wide, [size], antialias=True), [size, size])
    assert torch.equal(augment.adapt(wide, (3, size, size)), expected)


@pytest.mark.parametrize("name", ["randaugment", "trivialaugment"])
def test_policies_seed_each_image_separately(name: str) -> None:
    images = images_of(1).expand(16, -1, -1, -1)
    changed = augment.apply_policy(name, images, seeds=list(range(16)))
    assert (changed.shape, changed.dtype) == (images.shape, torch.uint8)
    assert len({image.numpy().tobytes() for image in changed}) > 8
    alone = augment.apply_policy(name, images[5:6], seeds=[5])
    assert torch.equal(changed[5], alone[0])


def test_erasing_has_its_probability_and_area() -> None:
    images = torch.ones(400, 1, 32, 32)
    erased = augment.erase(0.25, images, seeds=list(range(400)))
    areas = (erased == 0).float().mean(dim=(1, 2, 3))
    share = (areas > 0).float().mean().item()
    assert abs(share - 0.25) < 5 * (0.25 * 0.75 / 400) ** 0.5
    assert 0.01 < areas[areas > 0].min() < areas.max() < 0.4


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_mixing_ratio_equals_the_target_of_the_preceding_image(name: str) -> None:
    images = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 1, 16, 16)
    labels = torch.arange(4)
    mixed, targets = augment.mix(name, 1.0, images, labels, n_classes=4, seed=7)
    assert torch.allclose(targets.sum(dim=1), torch.ones(4))
    own = targets[2, 2].item()
    assert 0 < own < 1
    assert targets[2, 1].item() == pytest.approx(1 - own)
    assert mixed[2].mean().item() == pytest.approx(own * 2 + (1 - own) * 1, abs=1e-5)


def test_library_draws_leave_the_global_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    augment.apply_policy("randaugment", images_of(2), [1, 2])
    augment.erase(1.0, torch.ones(2, 1, 8, 8), [1, 2])
    augment.mix("mixup", 1.0, torch.ones(2, 1, 8, 8), torch.tensor([0, 1]), 2, 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_seeds_of_different_numbers_differ() -> None:
    seeds = {augment.derive_seed(a, b, c) for a in range(5) for b in range(5) for c in range(5)}
    assert len(seeds) == 125
    assert augment.derive_seed(1, 2) == augment.derive_seed(1, 2)
