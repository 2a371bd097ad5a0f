"""The transform in use: the weights' own, what the configuration overrides, and what is said."""

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


def test_the_weights_own_transform_is_used_as_it_is() -> None:
    for weights in (LITE0, LITE0._replace(squash=True)):
        assert resolve_transform(config(), weights) == weights
        assert deviations(weights, weights) == []


@pytest.mark.parametrize(
    ("changes", "expected", "said"),
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
def test_what_is_asked_overrides_and_is_said(
    changes: dict[str, Any], expected: Transform, said: str
) -> None:
    used = resolve_transform(config(**changes), LITE0)
    assert used == expected
    assert deviations(used, LITE0) == [said]


def test_half_is_no_departure_from_half() -> None:
    assert deviations(resolve_transform(config(normalize="half"), LITE0), LITE0) == []


def test_the_study_posts_transform_departs_from_torchvisions_in_normalisation_alone() -> None:
    torchvisions = Transform(256, 224, "bilinear", *IMAGENET)
    (said,) = deviations(resolve_transform(config(normalize="half"), torchvisions), torchvisions)
    assert said.startswith("normalisation: mean 0.5 0.5 0.5")


def test_without_published_weights_everything_must_be_given() -> None:
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
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        resolve_transform(config(**changes), LITE0)
    assert "\n" not in str(caught.value)
