"""The audit of all images of a data set, as they are stored and before any limit."""

from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from cnncompare.config.data import DataConfig
from cnncompare.data.audit.duplicates import Duplicates, find_duplicates
from cnncompare.data.audit.properties import ImageProperties, inspect_files, inspect_image
from cnncompare.data.cache import run_in_chunks
from cnncompare.data.decode import RGB_AS_STORED, ImagePath, read_image
from cnncompare.data.files import ImageFiles
from cnncompare.data.source import Source, Split
from cnncompare.data.sources.load import load_source
from cnncompare.data.split import complete_source
from cnncompare.models.pretrained.transforms import Transform
from cnncompare.system.cores import available_cores

_ANY_SIZE = 224  # of the network's input; the images are inspected as stored
_ANY_TRANSFORM = Transform(_ANY_SIZE, _ANY_SIZE, "bilinear", mean=(0.5,) * 3, std=(0.5,) * 3)


@dataclass(frozen=True)
class AuditedImage:
    """An image with its split and label; `name` is its path, or its number if it is no file."""

    name: str
    split: str
    label: int
    properties: ImageProperties
    content: ImagePath | Tensor

    def read(self) -> Image.Image:
        """Return the image as stored. Raises CorruptImageError."""
        if isinstance(self.content, Tensor):
            return _to_image(self.content)
        return read_image(self.content, RGB_AS_STORED)[0]


@dataclass(frozen=True)
class Audit:
    """All images of a data set by split and in its order, and the duplicates among them.

    The positions in `duplicates` are those in `images`; `sizes` has None for a missing split.
    """

    name: str
    classes: list[str]
    sizes: dict[str, int | None]  # images of train, val and test
    images: list[AuditedImage]
    duplicates: Duplicates
    ignored_files: dict[str, int]


def audit(config: DataConfig) -> Audit:
    """Return the audit of the data set; raises DataError if its images cannot be listed.

    Splits that the data set does not have are those that a run would draw, if it lacks a test
    split; a validation split that a run would take from the training images is None.
    """
    workers = available_cores() if config.workers is None else config.workers
    source = _load(config, workers)
    splits = {"train": source.train, "val": source.val, "test": source.test}
    images = [
        image
        for name, split in splits.items()
        if split is not None
        for image in _inspect(name, split, workers)
    ]
    numbers = [list(splits).index(image.split) for image in images]
    return Audit(
        name=config.name,
        classes=source.class_names or source.classes,
        sizes={name: None if split is None else len(split) for name, split in splits.items()},
        images=images,
        duplicates=find_duplicates([image.properties for image in images], numbers),
        ignored_files=source.ignored_files,
    )


def _load(config: DataConfig, workers: int) -> Source:
    changes: dict[str, object] = {"on_corrupt_image": "skip"}  # none of them ends the audit
    if config.image_size is None and config.source not in ("digits", "synthetic"):
        changes["image_size"] = _ANY_SIZE  # otherwise the first file must be readable
    tolerant = config.model_copy(update=changes)
    transform = _ANY_TRANSFORM if config.source == "imagenet" else None
    return complete_source(load_source(tolerant, transform), tolerant, workers)


def _inspect(name: str, split: Split, workers: int) -> list[AuditedImage]:
    if isinstance(split.images, ImageFiles):
        files = split.images.select(split.rows)
        chunks = run_in_chunks(inspect_files, files, workers, ())
        contents: list[ImagePath] | list[Tensor] = [files.path(row) for row in range(len(files))]
        names = [str(file) for file in contents]
        properties = [found for chunk in chunks for found in chunk]
    else:
        contents = [split.images[row] for row in split.rows.tolist()]
        names = [f"{name} image {position}" for position in range(len(contents))]
        properties = [inspect_image(_to_image(pixels)) for pixels in contents]
    return [
        AuditedImage(image, name, label, found, content)
        for image, label, found, content in zip(
            names, split.labels.tolist(), properties, contents, strict=True
        )
    ]


def _to_image(pixels: Tensor) -> Image.Image:
    """Return uint8 [C, H, W] with 1 or 3 channels as an image."""
    array = pixels.numpy()
    return Image.fromarray(array[0] if len(array) == 1 else array.transpose(1, 2, 0).copy())
