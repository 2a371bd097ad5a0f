"""The preprocessing of test images: the transform of pretrained weights, and deviations from it."""

from cnncompare.config.data import DataConfig
from cnncompare.errors import DataError
from cnncompare.models.pretrained.transforms import Transform

NAMED_STATISTICS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    # not 0.2023 0.1994 0.2010, a widely copied error: the mean of the sd of each image
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "half": ((0.5,), (0.5,)),
    "none": ((0.0,), (1.0,)),
}
"""Mean and sd for each name that `data.normalize` accepts."""


def resolve_transform(config: DataConfig, weights: Transform | None) -> Transform:
    """Return the transform of the pretrained weights with the overrides in `config` applied.

    The overrides are `data.resize`, `image_size` (the crop), `interpolation` and `normalize`.
    Raises DataError for a value that neither the weights nor the configuration provide, for
    `normalize=train`, and for a crop larger than the resized image.
    """
    _check_options(config)
    resize = config.resize or (weights and weights.resize)
    crop = config.image_size or (weights and weights.crop)
    interpolation = config.interpolation or (weights and weights.interpolation)
    mean_and_sd = _mean_and_sd(config.normalize, weights)
    if not resize or not crop or not interpolation or not mean_and_sd:
        values = {
            "data.resize=PIXELS": resize,
            "data.image_size=PIXELS": crop,
            "data.interpolation=NAME": interpolation,
            "data.normalize=imagenet, half or none": mean_and_sd,
        }
        raise DataError(
            f"this network has no pretrained weights with a known transform; set "
            f"{', '.join(override for override, value in values.items() if not value)}"
        )
    if crop > resize:
        raise DataError(
            f"a crop of {crop} pixels does not fit into {resize} pixels; set data.resize={crop} or "
            f"more, or a smaller data.image_size"
        )
    squash = weights is not None and weights.squash
    return Transform(resize, crop, interpolation, *mean_and_sd, squash=squash)


def _check_options(config: DataConfig) -> None:
    if config.normalize == "train":
        raise DataError(
            f"data.normalize=train: data={config.name} has no training images to measure; use "
            f"weights, imagenet, half or none"
        )
    if config.channels == 1:
        raise DataError(
            f"data.channels=1: data={config.name} has colour images; remove the override"
        )


def deviations(used: Transform, weights: Transform | None) -> list[str]:
    """Return a phrase for each setting of `used` that differs from the weights' transform.

    Each phrase begins with "normalisation", "resize", "crop" or "interpolation".
    """
    if weights is None:
        return []
    phrases = []
    if (used.mean, used.std) != (weights.mean, weights.std):
        phrases.append(
            f"normalisation: {_format_mean_and_sd(used)} instead of the weights' "
            f"{_format_mean_and_sd(weights)}"
        )
    for setting in ("resize", "crop", "interpolation"):
        ours, theirs = getattr(used, setting), getattr(weights, setting)
        if ours != theirs:
            phrases.append(f"{setting}: {ours} instead of the weights' {theirs}")
    return phrases


def _mean_and_sd(
    normalize: str, weights: Transform | None
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    if normalize == "weights":
        return weights and (weights.mean, weights.std)
    mean, sd = NAMED_STATISTICS[normalize]
    return (mean * 3, sd * 3) if len(mean) == 1 else (mean, sd)


def _format_mean_and_sd(transform: Transform) -> str:
    mean, sd = (" ".join(f"{x:g}" for x in values) for values in (transform.mean, transform.std))
    return f"mean {mean}, sd {sd}"
