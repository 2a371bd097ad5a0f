"""The resolved transform: that of the weights, overrides, and deviations."""

from typing import Any

import pytest

from cnncompare.config.data import DataConfig
from cnncompare.data.transform import deviations, resolve_transform
from cnncompare.errors import DataError
from cnncompare.models.pretrained.transforms import Transform

LITE0 = Transform(256, 224, "bicubic", (0.5,) * 3, (0.5,) * 3)
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def config(**changes: Any) -> DataConfig:
    values = {"name": "imagenet_val", "source": "imagenet", "root": "x", "normalize": "weights"}
    return DataConfig(**(values | changes))


def test_the_transform_of_the_weights_is_used_unchanged() -> None:
    for weights in (LITE0, LITE0._replace(squash=True)):
        assert resolve_transform(config(), weights) == weights
        assert deviations(weights, weights) == []


@pytest.mark.parametrize(
    ("changes", "expected", "deviation"),
    [
        (
            {"normalize": "imagenet"},
            LITE0._replace(mean=IMAGENET[0], std=IMAGENET[1]),
            "normalisation: mean 0.485 0.456 0.406, sd 0.229 0.224 0.225 instead of the weights' "
            "mean 0.5 0.5 0.5, sd 0.5 0.5 0.5",
        ),
        ({"resize": 224}, LITE0._replace(resize=224), "resize: 224 instead of the weights' 256"),
        ({"image_size": 192}, LITE0._replace(crop=192), "crop: 192 instead of the weights' 224"),
        (
            {"interpolation": "bilinear"},
            LITE0._replace(interpolation="bilinear"),
            "interpolation: bilinear instead of the weights' bicubic",
        ),
    ],
)
def test_overrides_are_applied_and_listed_as_deviations(
    changes: dict[str, Any], expected: Transform, deviation: str
) -> None:
    used = resolve_transform(config(**changes), LITE0)
    assert used == expected
    assert deviations(used, LITE0) == [deviation]


def test_equal_values_are_no_deviation() -> None:
    assert deviations(resolve_transform(config(normalize="half"), LITE0), LITE0) == []


def test_half_normalisation_is_the_only_deviation_from_torchvision() -> None:
    weights = Transform(256, 224, "bilinear", *IMAGENET)
    (deviation,) = deviations(resolve_transform(config(normalize="half"), weights), weights)
    assert deviation.startswith("normalisation: mean 0.5 0.5 0.5")


def test_without_pretrained_weights_every_value_must_be_set() -> None:
    with pytest.raises(
        DataError,
        match=r"no pretrained weights with a known transform; set data\.resize=PIXELS, "
        r"data\.image_size=PIXELS, "
        r"data\.interpolation=NAME, data\.normalize=imagenet, half or none$",
    ):
        resolve_transform(config(), None)
    with pytest.raises(DataError, match=r"set data\.interpolation=NAME$"):
        resolve_transform(config(resize=256, image_size=224, normalize="none"), None)
    given = config(resize=256, image_size=224, interpolation="bilinear", normalize="none")
    expected = Transform(256, 224, "bilinear", (0.0,) * 3, (1.0,) * 3)
    assert resolve_transform(given, None) == expected
    assert deviations(expected, None) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normalize": "train"}, r"data\.normalize=train: .* no training images"),
        (
            {"image_size": 299},
            r"crop of 299 pixels .* into 256 .* set data\.resize=299 or more",
        ),
        ({"resize": 200}, r"crop of 224 pixels .* into 200 pixels; .* smaller data\.image_size"),
        ({"channels": 1}, r"data\.channels=1: data=imagenet_val has colour images"),
    ],
)
def test_impossible_transforms_are_rejected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        resolve_transform(config(**changes), LITE0)
    assert "\n" not in str(caught.value)
