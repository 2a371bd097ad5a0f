"""Identical and near-identical images against hand-made cases and all pairs of a small set."""

import io
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from cnncompare.data.audit import duplicates
from cnncompare.data.audit.duplicates import find_duplicates, near_pairs
from cnncompare.data.audit.properties import ImageProperties, inspect_image

TRAIN, VAL, TEST = 0, 1, 2


def scene(seed: int, size: int = 32) -> Image.Image:
    """Return a smooth random image, as photographs are."""
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC)


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def inspected(*images: Image.Image) -> list[ImageProperties]:
    return [inspect_image(image) for image in images]


def test_copies_in_the_same_and_in_a_later_split_are_told_apart() -> None:
    a, b, c = scene(0), scene(1), scene(2)
    found = find_duplicates(inspected(a, b, a, c, a, b), [TRAIN, TRAIN, TRAIN, TEST, TEST, TEST])
    assert found.identical_within == [(0, 2)]
    assert found.identical_between == [(0, 4), (1, 5)]
    assert found.near_within == found.near_between == []


def test_a_reencoded_copy_is_near_identical_and_not_identical() -> None:
    images = inspected(scene(0), as_jpeg(scene(0), 60), scene(1), as_jpeg(scene(1), 60))
    found = find_duplicates(images, [TRAIN, TRAIN, TRAIN, TEST])
    assert found.identical_within == found.identical_between == []
    assert found.near_within == [(0, 1)]
    assert found.near_between == [(2, 3)]


def test_every_test_image_near_a_training_image_is_counted() -> None:
    original, again = scene(0), as_jpeg(scene(0), 60)
    found = find_duplicates(inspected(original, again, again), [TRAIN, TEST, TEST])
    assert found.near_between == [(0, 1), (0, 2)]
    assert found.identical_within == [(1, 2)]


def test_unreadable_images_repeat_nothing() -> None:
    broken = ImageProperties(error="cannot be read")
    found = find_duplicates([broken, broken, *inspected(scene(0))], [TRAIN, TEST, TEST])
    assert found.identical_between == found.near_between == []


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((64, 64), Image.Resampling.BICUBIC),
        lambda image: image.resize((20, 20), Image.Resampling.BICUBIC),
        lambda image: image.quantize(64),
    ],
)
def test_resizing_and_fewer_colours_keep_an_image_near(
    change: Callable[[Image.Image], Image.Image],
) -> None:
    assert list(near_pairs(inspected(scene(0), change(scene(0))))) == [(0, 1)]


def test_noise_survives_a_good_jpeg() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 120, (32, 32, 3), dtype=np.uint8))
    assert list(near_pairs(inspected(noise, as_jpeg(noise, 90)))) == [(0, 1)]


def test_different_scenes_are_not_near() -> None:
    assert list(near_pairs(inspected(*(scene(seed) for seed in range(300))))) == []


def test_uniform_images_of_different_colours_are_not_near() -> None:
    # red and green have the same grey level and perceptual hash
    colours = ((130, 0, 0), (0, 66, 0), (20, 20, 20), (21, 21, 21))
    uniform = inspected(*(Image.new("RGB", (8, 8), colour) for colour in colours))
    assert list(near_pairs(uniform)) == [(2, 3)]


def test_blocks_of_rows_find_what_a_comparison_of_all_pairs_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = inspected(*(as_jpeg(scene(n % 40), 50 + n) for n in range(50)))
    expected = {(n, n + 40) for n in range(10)}
    for rows, pairs in ((1, 1), (7, 2), (256, 2**16)):
        monkeypatch.setattr(duplicates, "_ROWS", rows)
        monkeypatch.setattr(duplicates, "_PAIRS", pairs)
        assert set(near_pairs(images)) == expected
    assert expected == {
        (i, j) for i, j in combinations(range(50), 2) if list(near_pairs([images[i], images[j]]))
    }


def test_too_many_images_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MAX_COMPARED", 1)
    found = find_duplicates(inspected(scene(0), scene(1), scene(0)), [TRAIN, VAL, TEST])
    assert found.near_within is None
    assert found.near_between is None
    assert found.identical_between == [(0, 2)]


def test_grey_and_colour_files_with_the_same_pixels_are_identical() -> None:
    grey = scene(0).convert("L")
    found = find_duplicates(inspected(grey, grey.convert("RGB")), [TRAIN, TEST])
    assert found.identical_between == [(0, 1)]


def test_the_same_bytes_in_another_shape_are_not_identical() -> None:
    wide = Image.fromarray(np.zeros((2, 8, 3), np.uint8))
    tall = Image.fromarray(np.zeros((8, 2, 3), np.uint8))
    assert find_duplicates(inspected(wide, tall), [TRAIN, TEST]).identical_between == []
