"""CIFAR-10-C and CIFAR-10.1 from the published files; imports no torch.

CIFAR-10-C (Hendrycks and Dietterich 2019, https://zenodo.org/records/2535967) has a file for each
of 19 corruptions: 5 x 10,000 images, the severities one after the other, each in the order of
CIFAR-10's test set. CIFAR-10.1 (Recht et al. 2018, https://github.com/modestyachts/CIFAR-10.1) has
2,000 images that were collected anew. Nothing in the files is executed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnncompare.errors import ConfigError, DataError, closest, first_line, shortened
from cnncompare.runs.robustness_file import Cell
from cnncompare.runs.run import UNREADABLE_ARRAYS

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
N_SEVERITIES = 5
RELEASED_IMAGES = 10_000  # of each severity
LABELS = "labels"
# MD5, as in the data set CIFAR10C of torch-uncertainty
MD5 = {
    "brightness": "0a81ef75e0b523c3383219c330a85d48",
    "contrast": "3c8262171c51307f916c30a3308235a8",
    "defocus_blur": "7d1322666342a0702b1957e92f6254bc",
    "elastic_transform": "9421657c6cd452429cf6ce96cc412b5f",
    "fog": "7b397314b5670f825465fbcd1f6e9ccd",
    "frost": "31f6ab3bce1d9934abfb0cc13656f141",
    "gaussian_blur": "c33370155bc9b055fb4a89113d3c559d",
    "gaussian_noise": "ecaf8b9a2399ffeda7680934c33405fd",
    "glass_blur": "7361fb4019269e02dbf6925f083e8629",
    "impulse_noise": "2090e01c83519ec51427e65116af6b1a",
    "jpeg_compression": "2b9cc4c864e0193bb64db8d7728f8187",
    "motion_blur": "fffa5f852ff7ad299cfe8a7643f090f4",
    "pixelate": "0f14f7e2db14288304e1de10df16832f",
    "saturate": "1cfae0964219c5102abbb883e538cc56",
    "shot_noise": "3a7239bb118894f013d9bf1984be7f11",
    "snow": "bb238de8555123da9c282dea23bd6e55",
    "spatter": "8a5a3903a7f8f65b59501a6093b4311e",
    "speckle_noise": "ef00b87611792b00df09c0b0237a1e30",
    "zoom_blur": "6ea8e63f1c5cdee1517533840641641b",
    LABELS: "c439b113295ed5254878798ffe28fd54",
}
CORRUPTIONS = tuple(name for name in MD5 if name != LABELS)
# version: images and SHA-256 of images and labels; that of v4 is not known
CIFAR10_1_FILES: Mapping[str, tuple[int, tuple[str, str] | None]] = {
    "v6": (
        2000,
        (
            "2997188e5816f5bd545dc77771b6227828c28146049fcecf3fa10775474cacc6",
            "ae40beda001693674edc94d925ee8268cfe68905f8f9aff800c8dcdfcd6c9448",
        ),
    ),
    "v4": (2021, None),
}


@dataclass(frozen=True, eq=False)
class ReleasedImages:
    """Images uint8 [cells x N, 32, 32, 3] by name, with labels int64 [N] that all cells share.

    `digests` identify the files; `note` states how they differ from the published ones.
    """

    images: Mapping[str, NDArray[np.uint8]]
    labels: NDArray[np.int64]
    digests: Mapping[str, str]
    note: str = ""

    @property
    def names(self) -> list[str]:
        """The corruptions, in the order of the files' names."""
        return list(self.images)

    def all_cells(self) -> tuple[Cell, ...]:
        """Return a cell for each block of N images."""
        return tuple(
            (name, block + 1)
            for name, images in self.images.items()
            for block in range(len(images) // len(self.labels))
        )

    def read(self, cell: Cell, positions: Sequence[int]) -> NDArray[np.uint8]:
        """Return images of a cell, uint8 [n, 32, 32, 3]."""
        name, severity = cell
        first = (severity - 1) * len(self.labels)
        return np.asarray(self.images[name][[first + position for position in positions]])


def open_cifar10_c(folder: Path, chosen: Sequence[str] | None) -> ReleasedImages:
    """Return the images of the chosen corruptions, of all 19 without a choice.

    Files with fewer images than published are taken as an excerpt. Raises ConfigError for an
    unknown corruption, DataError for files that are missing, corrupt or changed.
    """
    names = _choose(chosen)
    _check_folder(folder, [f"{name}.npy" for name in (LABELS, *names)], "CIFAR-10-C")
    labels = _labels(folder / f"{LABELS}.npy")
    n = len(labels) // N_SEVERITIES
    if len(labels) != n * N_SEVERITIES or not n:
        raise DataError(f"{folder / LABELS}.npy: {len(labels)} labels are not five equal blocks")
    if (labels.reshape(N_SEVERITIES, n) != labels[:n]).any():
        raise DataError(f"{folder / LABELS}.npy: the labels of the five severities differ")
    images = {name: _images(folder / f"{name}.npy", len(labels)) for name in names}
    digests = {name: _digest(folder / f"{name}.npy", "md5") for name in (LABELS, *names)}
    if n < RELEASED_IMAGES:
        note = f"CIFAR-10-C: {n} images of each severity, an excerpt of the published 10,000"
        return ReleasedImages(images, labels[:n], digests, note)
    for name, digest in digests.items():
        _check_digest(folder / f"{name}.npy", "MD5", digest, MD5[name])
    return ReleasedImages(images, labels[:n], digests)


def open_cifar10_1(folder: Path) -> ReleasedImages:
    """Return the images of version v6, else of v4; raises DataError as `open_cifar10_c` does."""
    version = next((v for v in CIFAR10_1_FILES if _names(v)[0] in _listing(folder)), "v6")
    n_released, expected = CIFAR10_1_FILES[version]
    files = [folder / name for name in _names(version)]
    _check_folder(folder, [file.name for file in files], "CIFAR-10.1")
    labels = _labels(files[1])
    images = _images(files[0], len(labels))
    digests = [_digest(file, "sha256") for file in files]
    note = ""
    if len(labels) < n_released:
        note = f"CIFAR-10.1 {version}: {len(labels)} images, an excerpt of {n_released:,}"
    elif expected is None:
        note = f"CIFAR-10.1 {version}: the checksum of the original files is not known"
    else:
        for file, digest, published in zip(files, digests, expected, strict=True):
            _check_digest(file, "SHA-256", digest, published)
    by_name = dict(zip((version, LABELS), digests, strict=True))
    return ReleasedImages({version: images}, labels, by_name, note)


def label_order(classes: Sequence[str]) -> NDArray[np.int64] | None:
    """Return the run's number of each class of CIFAR-10, None for a run with other classes."""
    names = [name.lower() for name in classes]
    if sorted(names) != sorted(CLASSES):
        return None
    return np.array([names.index(name) for name in CLASSES])


def _names(version: str) -> tuple[str, str]:
    return f"cifar10.1_{version}_data.npy", f"cifar10.1_{version}_labels.npy"


def _choose(chosen: Sequence[str] | None) -> list[str]:
    for name in chosen or ():
        if name not in CORRUPTIONS:
            raise ConfigError(
                f"robustness: --corruptions {name}: CIFAR-10-C has no such corruption"
                f"{closest(name, CORRUPTIONS)} (corruptions: {', '.join(CORRUPTIONS)})"
            )
    return list(CORRUPTIONS if chosen is None else chosen)


def _listing(folder: Path) -> set[str]:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; give the one with the .npy files")
    return {path.name for path in folder.iterdir()}


def _check_folder(folder: Path, names: Sequence[str], what: str) -> None:
    missing = sorted(set(names) - _listing(folder))
    if missing:
        raise DataError(f"{folder} lacks {shortened(missing)} of {what}")


def _load(path: Path) -> NDArray[Any]:
    try:
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except UNREADABLE_ARRAYS as error:
        raise DataError(f"{path}: not an array file ({first_line(error)})") from None
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: not an array file")
    return array


def _labels(path: Path) -> NDArray[np.int64]:
    labels = _load(path)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        raise DataError(f"{path}: {labels.dtype} {labels.shape}; expected integers (N,)")
    if labels.min() < 0 or labels.max() >= len(CLASSES):
        raise DataError(f"{path}: labels {labels.min()} to {labels.max()}; expected 0 to 9")
    return labels.astype(np.int64)


def _images(path: Path, n: int) -> NDArray[np.uint8]:
    images = _load(path)
    if images.shape != (n, 32, 32, 3) or images.dtype != np.uint8:
        raise DataError(f"{path}: {images.dtype} {images.shape}; expected uint8 ({n}, 32, 32, 3)")
    return images


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _check_digest(path: Path, algorithm: str, found: str, published: str) -> None:
    if found != published:
        raise DataError(
            f"{path}: {algorithm} {found} is not that of the published file, {published}; "
            "download it again"
        )
