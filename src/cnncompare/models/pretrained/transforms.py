"""What belongs to pretrained weights: the transform of their test images, and their accuracies."""

import csv
import hashlib
import math
import re
from pathlib import Path
from typing import Any, NamedTuple

from cnncompare.errors import ModelError
from cnncompare.models.catalog.names import check_version, is_file
from cnncompare.models.pretrained.weights import versions_of

TIMM_RESULTS = Path(__file__).with_name("timm_results.csv")


class Transform(NamedTuple):
    """The preprocessing of a test image: resize, centre crop, (pixel / 255 - mean) / std."""

    resize: int  # pixels of the shorter side
    crop: int  # pixels of each side of the square
    interpolation: str  # nearest, bilinear, bicubic, lanczos, box, hamming
    mean: tuple[float, ...]  # per channel, for pixels in [0, 1]
    std: tuple[float, ...]
    squash: bool = False  # resize both sides to `resize`, ignoring the aspect ratio (timm)


class PretrainedReference(NamedTuple):
    """The transform of weights, and their accuracies on ImageNet's validation set, from 0 to 1."""

    transform: Transform
    origin: str  # whose transform it is, and why this one
    acc1: float | None
    acc5: float | None
    accuracy_source: str | None


def pretrained_reference(source: str, name: str, weights: str | None) -> PretrainedReference | None:
    """Return what was published with a version of `weights` of `name`; None for own networks.

    A file is taken for the version of torchvision's whose SHA-256 it has. Any other file, and None
    for random weights, get the transform of the first version (torchvision) or of the default tag
    (timm), without accuracies. Raises ModelError for an unknown version, a file that is not there,
    and an image size or crop mode that no `Transform` describes.
    """
    if source == "torchvision":
        return _of_torchvision(name, weights)
    if source == "timm":
        return _of_timm(name, weights)
    return None


def _of_torchvision(name: str, weights: str | None) -> PretrainedReference:
    import torchvision.models as zoo

    versions = list(zoo.get_model_weights(name))
    if weights is None:
        return _preset(versions[0], ", for random weights", measured=False)
    if is_file(weights):
        digest = _sha256(Path(weights).expanduser())
        for version in versions:
            # resnet18-f37072fd.pth: the first digits, 8 or 10 of them
            start = re.search(r"-([0-9a-f]{8,})\.pth$", version.url)
            if start and digest.startswith(start[1]):
                return _preset(version, f", by the file's SHA-256 {start[1]}")
        unknown = f", for a file whose SHA-256 {digest[:8]} is of none of torchvision's"
        return _preset(versions[0], unknown, measured=False)
    check_version("torchvision", name, weights, [version.name for version in versions])
    return _preset(zoo.get_model_weights(name)[weights], "")


def _preset(version: Any, reason: str, measured: bool = True) -> PretrainedReference:
    """Return what torchvision says of an entry of its weights; `reason` ends the origin."""
    preset = version.transforms()
    (resize,), (crop,) = preset.resize_size, preset.crop_size
    mean, std = tuple(preset.mean), tuple(preset.std)
    accuracies = version.meta["_metrics"]["ImageNet-1K"]
    measured = measured and not math.isnan(accuracies["acc@1"])  # VGG16 FEATURES
    return PretrainedReference(
        Transform(resize, crop, preset.interpolation.value, mean, std),
        f"torchvision {version}{reason}",
        round(accuracies["acc@1"] / 100, 5) if measured else None,
        round(accuracies["acc@5"] / 100, 5) if measured else None,
        f"torchvision, meta of {version}" if measured else None,
    )


def _of_timm(name: str, weights: str | None) -> PretrainedReference:
    import timm
    from timm.data.config import resolve_data_config

    arch, _, tag = name.partition(".")
    version = tag if weights is None or is_file(weights) else weights
    if version:
        check_version("timm", arch, version, versions_of("timm", arch))
    entry: Any = timm.get_pretrained_cfg(f"{arch}.{version}" if version else arch)
    data = resolve_data_config(pretrained_cfg=entry.to_dict())  # type: ignore[no-untyped-call]
    origin = f"timm {arch}.{entry.tag}" if entry.tag else f"timm {arch}"
    transform = _timm_transform(origin, data)
    if weights is None or is_file(weights):
        kind = "random weights" if weights is None else "a file"
        return PretrainedReference(transform, f"{origin}, for {kind}", None, None, None)
    return PretrainedReference(transform, origin, *_timm_accuracies(f"{arch}.{version}", data))


def _timm_transform(origin: str, data: dict[str, Any]) -> Transform:
    """Return what timm.data.create_transform makes of the data config."""
    _, height, width = data["input_size"]
    if height != width or data["crop_mode"] not in ("center", "squash"):
        raise ModelError(
            f"the test images of {origin} are {width}x{height} with crop mode "
            f"{data['crop_mode']}, which cannot be had here: square ones, center or squash"
        )
    return Transform(
        resize=math.floor(height / data["crop_pct"]),
        crop=height,
        interpolation=data["interpolation"],
        mean=tuple(data["mean"]),
        std=tuple(data["std"]),
        squash=data["crop_mode"] == "squash",
    )


def _timm_accuracies(
    full_name: str, data: dict[str, Any]
) -> tuple[float | None, float | None, str | None]:
    """Return top-1, top-5 and where they stand, if they were measured with this size and crop."""
    with TIMM_RESULTS.open(encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            if row["model"] == full_name and _as_measured(row, data):
                source = "timm, results/results-imagenet.csv at commit 0173a13"
                top1, top5 = float(row["top1"]), float(row["top5"])
                return round(top1 / 100, 5), round(top5 / 100, 5), source
    return None, None, None


def _as_measured(row: dict[str, str], data: dict[str, Any]) -> bool:
    # the file has three decimals of the crop
    same_crop = math.isclose(float(row["crop_pct"]), data["crop_pct"], abs_tol=6e-4)
    return int(row["img_size"]) == data["input_size"][1] and same_crop


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise ModelError(f"model.weights={path}: there is no such file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
