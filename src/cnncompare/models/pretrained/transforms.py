"""The test transform of pretrained weights and their accuracy on ImageNet."""

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
    """The test transform of weights and their accuracy on ImageNet's validation set, in [0, 1].

    The accuracies are None where the library states none for this transform.
    """

    transform: Transform
    origin: str  # the library's entry that the transform comes from, and why it was chosen
    acc1: float | None
    acc5: float | None
    accuracy_source: str | None


def pretrained_reference(source: str, name: str, weights: str | None) -> PretrainedReference | None:
    """Return transform and accuracy of a version of the weights of `name`; None for source "own".

    A file counts as the version of torchvision that has the same SHA-256. Any other file, and
    random weights (None), get the transform of the first version (torchvision) or of the default
    tag (timm), without accuracies. Raises ModelError for an unknown version, a missing file, and an
    image size or crop mode that Transform cannot describe.
    """
    if source == "torchvision":
        return _of_torchvision(name, weights)
    if source == "timm":
        return _of_timm(name, weights)
    return None


def _of_torchvision(name: str, weights: str | None) -> PretrainedReference:
    from torchvision import models

    versions = list(models.get_model_weights(name))
    if weights is None:
        return _from_preset(versions[0], ", for random weights", measured=False)
    if is_file(weights):
        return _of_torchvision_file(versions, Path(weights).expanduser())
    check_version("torchvision", name, weights, [version.name for version in versions])
    return _from_preset(models.get_model_weights(name)[weights], "")


def _of_torchvision_file(versions: list[Any], path: Path) -> PretrainedReference:
    digest = _sha256(path)
    for version in versions:
        # The URL ends in the first 8 or 10 digits, as in resnet18-f37072fd.pth.
        start = re.search(r"-([0-9a-f]{8,})\.pth$", version.url)
        if start and digest.startswith(start[1]):
            return _from_preset(version, f", by the file's SHA-256 {start[1]}")
    unknown = f", for a file with SHA-256 {digest[:8]}, which no torchvision version has"
    return _from_preset(versions[0], unknown, measured=False)


def _from_preset(version: Any, reason: str, measured: bool = True) -> PretrainedReference:
    """Return transform and accuracy of an entry of torchvision's weights.

    `reason` is appended to the origin; without `measured` the accuracies are None.
    """
    preset = version.transforms()
    (resize,), (crop,) = preset.resize_size, preset.crop_size
    mean, std = tuple(preset.mean), tuple(preset.std)
    accuracies = version.meta["_metrics"]["ImageNet-1K"]
    measured = measured and not math.isnan(accuracies["acc@1"])  # VGG16_Weights.IMAGENET1K_FEATURES
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
    """Return the transform that timm.data.create_transform builds from the data configuration."""
    _, height, width = data["input_size"]
    if height != width or data["crop_mode"] not in ("center", "squash"):
        raise ModelError(
            f"{origin} needs {width}x{height} images with crop mode {data['crop_mode']}; supported "
            "are square images with crop mode center or squash"
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
    """Return top-1, top-5 and their source if they were measured with this image size and crop."""
    with TIMM_RESULTS.open(encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            if row["model"] == full_name and _is_measured_with(data, row):
                source = "timm, results/results-imagenet.csv at commit 0173a13"
                top1, top5 = float(row["top1"]), float(row["top5"])
                return round(top1 / 100, 5), round(top5 / 100, 5), source
    return None, None, None


def _is_measured_with(data: dict[str, Any], row: dict[str, str]) -> bool:
    # The file rounds the crop to three decimals.
    same_crop = math.isclose(float(row["crop_pct"]), data["crop_pct"], abs_tol=6e-4)
    return int(row["img_size"]) == data["input_size"][1] and same_crop


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise ModelError(f"model.weights={path}: there is no such file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
