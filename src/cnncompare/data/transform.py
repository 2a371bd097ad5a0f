"""What is done to an image before a network sees it: published with its weights, or as asked."""

from cnncompare.config.data import DataConfig
from cnncompare.errors import DataError
from cnncompare.models.pretrained.transforms import Transform

NAMED: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    # 0.2023 0.1994 0.2010, often seen, are means of each image's own sd: a copied error
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "half": ((0.5,), (0.5,)),
    "none": ((0.0,), (1.0,)),
}
"""Mean and sd by the name that `data.normalize` has for them."""


def resolve_transform(config: DataConfig, weights: Transform | None) -> Transform:
    """Return the transform of the weights with what `data` overrides.

    Overriding are `data.resize`, `image_size` (the crop), `interpolation` and `normalize`. Raises
    DataError where neither the weights nor the configuration give a value, for
    `normalize=train`, and for a crop larger than what it is cut out of.
    """
    if config.normalize == "train":
        raise DataError(
            f"data.normalize=train: data={config.name} has no training images to measure; use "
            f"weights, imagenet, half or none"
        )
    if config.channels == 1:
        raise DataError(f"data.channels=1: data={config.name} has colour images; leave it out")
    resize = config.resize or (weights and weights.resize)
    crop = config.image_size or (weights and weights.crop)
    interpolation = config.interpolation or (weights and weights.interpolation)
    colours = _colours(config.normalize, weights)
    if not resize or not crop or not interpolation or not colours:
        missing = {
            "data.resize=PIXELS": resize,
            "data.image_size=PIXELS": crop,
            "data.interpolation=NAME": interpolation,
            "data.normalize=imagenet, half or none": colours,
        }
        raise DataError(
            f"the network has no published transform: give "
            f"{', '.join(key for key, value in missing.items() if not value)}"
        )
    if crop > resize:
        raise DataError(
            f"a crop of {crop} pixels cannot be cut out of {resize}; give data.resize={crop} or "
            f"more, or a smaller data.image_size"
        )
    squash = weights is not None and weights.squash
    return Transform(resize, crop, interpolation, *colours, squash=squash)


def deviations(used: Transform, weights: Transform | None) -> list[str]:
    """Return a phrase for each thing in which `used` is not what the weights were published with.

    Each begins with the word normalisation, resize, crop or interpolation.
    """
    if weights is None:
        return []
    found = []
    if (used.mean, used.std) != (weights.mean, weights.std):
        found.append(f"normalisation: {_said(used)} instead of the weights' {_said(weights)}")
    for word in ("resize", "crop", "interpolation"):
        ours, theirs = getattr(used, word), getattr(weights, word)
        if ours != theirs:
            found.append(f"{word}: {ours} instead of the weights' {theirs}")
    return found


def _colours(
    normalize: str, weights: Transform | None
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    if normalize == "weights":
        return weights and (weights.mean, weights.std)
    mean, sd = NAMED[normalize]
    return (mean * 3, sd * 3) if len(mean) == 1 else (mean, sd)


def _said(transform: Transform) -> str:
    mean, sd = (" ".join(f"{x:g}" for x in some) for some in (transform.mean, transform.std))
    return f"mean {mean}, sd {sd}"
