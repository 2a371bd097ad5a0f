"""The data of a run: loaded, split, checked, and handed out in batches."""

from collections.abc import Sequence, Set
from dataclasses import replace

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from cnncompare.config.data import AugmentConfig, DataConfig
from cnncompare.data.augment import adapt
from cnncompare.data.cache import decoded
from cnncompare.data.decode import CorruptImageError
from cnncompare.data.files import Findings, ImageFiles
from cnncompare.data.loaders import Batches, Place, Recipe
from cnncompare.data.normalize import statistics
from cnncompare.data.source import Images, Part, Source, fingerprint, read
from cnncompare.data.sources.digits import digits
from cnncompare.data.sources.folder import folder
from cnncompare.data.sources.imagenet.notes import colour_note
from cnncompare.data.sources.imagenet.validation_set import imagenet
from cnncompare.data.sources.synthetic import synthetic
from cnncompare.data.sources.torchvision_sets import torchvision_set
from cnncompare.data.split import Parts, split
from cnncompare.data.transform import Transform, used_transform
from cnncompare.errors import DataError
from cnncompare.system.cores import available_cores

_DEVICE_SHARE = 0.25  # of a GPU's memory that images may take; beyond, batches are sent over


class ImageData(LightningDataModule):
    """Images of one data set under one protocol; `prepare` comes before anything else.

    After it: `classes`, class names in the order of the labels, and `class_names`, the same for
    people; `image_shape` (C, H, W) of a batch's images; `n_train`, `n_val` (null where nothing is
    trained), `n_test`; `mean`, `std` per channel for pixels in [0, 1]; `transform`, what is done to
    an ImageNet image, null for other data; `test_labels` int64 [n_test]; `present`, the classes
    among them, int64, ascending; and `fingerprint`, the SHA-256 of the test set as used, before
    scaling, by which two runs know that they were tested on the same images.

    `weights_transform` is what the network's weights were published with. Test batches whose
    positions are all in `skip_positions` are not made: they were counted before. But each process
    makes one at least.
    """

    classes: list[str]
    class_names: list[str]
    image_shape: tuple[int, int, int]
    n_train: int | None
    n_val: int | None
    n_test: int
    fingerprint: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    transform: Transform | None
    test_labels: Tensor
    present: Tensor

    def __init__(
        self, config: DataConfig, *, seed: int, weights_transform: Transform | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.seed = seed
        self.weights_transform = weights_transform
        self.skip_positions: set[int] = set()
        self._workers = available_cores() if config.workers is None else config.workers
        self._parts: Parts | None = None
        self._moved: dict[tuple[int, torch.device], Tensor] = {}

    def prepare(self) -> None:
        """Download or decode what is missing, load, split and check; again, it does nothing.

        Raises DataError, one line, for everything that is wrong with the data.
        """
        if self._parts is not None:
            return
        is_imagenet = self.config.source == "imagenet"
        self.transform = (
            used_transform(self.config, self.weights_transform) if is_imagenet else None
        )
        source = load(self.config, self.transform)
        parts = split(source, self.config)
        parts, self._findings = _decoded(parts, self.config, self._workers)
        self.classes = source.classes
        self.class_names = source.class_names or source.classes
        self.image_shape = _image_shape(source, self.config)
        self.n_train = None if parts.train is None else len(parts.train)
        self.n_val = None if parts.val is None else len(parts.val)
        self.n_test = len(parts.test)
        chosen_on = parts.test if parts.val is None else parts.val
        self.val_class_counts = torch.bincount(chosen_on.labels, minlength=len(source.classes))
        self.test_labels = parts.test.labels
        self.present = torch.unique(self.test_labels)
        self._notes = source.notes + _subset_note(len(parts.test), len(source.test))
        self.fingerprint = fingerprint(parts.test, source.shape, source.classes)
        self.mean, self.std = self._statistics(parts, source)
        self._parts = parts

    @property
    def notes(self) -> list[str]:
        """What makes a number on these ImageNet images less comparable, a line each.

        The colours of images are known when they were decoded: after the test, or at once where
        the decoded images were kept.
        """
        rows = self._ready().test.keys
        if self.transform is None or rows is None:
            return []
        names = [key.split(b"\0")[0].decode(errors="replace") for key in rows]
        return self._notes + colour_note(self._findings.modes, names)

    @property
    def corrupt(self) -> dict[int, str]:
        """Name and reason of each test image that could not be read, by position, as far as known.

        Empty with `data.on_corrupt_image=error`. Its label in a batch is -1, its pixels are zeros.
        """
        return self._by_position(self._findings.corrupt)

    def train_dataloader(self) -> Batches:
        """Return the training batches, in a new order each epoch."""
        return self._batches(self._trained(self._ready().train), self.config.augment)

    def val_dataloader(self) -> Batches:
        """Return the validation batches, in the part's own order."""
        return self._batches(self._trained(self._ready().val), None)

    def test_dataloader(self) -> Batches:
        """Return the test batches, in the part's own order, but for those already counted."""
        test = self._ready().test
        return self._batches(test, None, self._findings, self.skip_positions)

    def test_batches(self, positions: Tensor) -> Batches:
        """Return batches of these test images alone, positions int64 [n], as an evaluation's."""
        return self._batches(self._ready().test.select(positions), None, self._findings)

    def test_name(self, position: int) -> str:
        """Return the file name of a test image, its position's number where it came without."""
        test = self._ready().test
        key = b"" if test.keys is None else test.keys[int(test.rows[position])]
        return key.split(b"\0")[0].decode(errors="replace") or f"image {position}"

    def test_files(self) -> list[str]:
        """Return the paths of the test images; raises DataError where they are no files."""
        test = self._ready().test
        if not isinstance(test.images, ImageFiles) or test.images.starts is not None:
            raise DataError(f"data={self.config.name} has no folder of image files here")
        return [str(test.images.path(row)) for row in test.rows.tolist()]

    def leave_out(self, positions: Tensor) -> None:
        """Take test images, positions int64 [m], out of what the numbers are about."""
        if not len(positions):
            return
        parts = self._ready()
        keep = torch.ones(self.n_test, dtype=torch.bool)
        keep[positions] = False
        test = parts.test.select(keep.nonzero().squeeze(1))
        self._parts = parts._replace(test=test)
        self.n_test, self.test_labels = len(test), test.labels
        self.present = torch.unique(test.labels)
        self.fingerprint = fingerprint(test, self.image_shape, self.classes)

    def test_images(self, indices: Sequence[int]) -> Tensor:
        """Return test images as uint8 [n, C, H, W], to be looked at."""
        test = self._ready().test
        rows = test.rows[torch.tensor(indices, dtype=torch.int64)]
        (images,) = read(test.images, [rows], 0, self._findings)
        return adapt(images, self.image_shape).contiguous()

    def place(self) -> Place:
        """Return the trainer's epoch, process and device; without one, the first of each."""
        if self.trainer is None:
            return Place(epoch=0, rank=0, world=1, device=torch.device("cpu"))
        trainer = self.trainer
        device = trainer.strategy.root_device
        return Place(trainer.current_epoch, trainer.global_rank, trainer.world_size, device)

    def _ready(self) -> Parts:
        if self._parts is None:
            raise RuntimeError("ImageData.prepare() was not called")
        return self._parts

    def _trained(self, part: Part | None) -> Part:
        if part is None:
            raise DataError(f"data={self.config.name} has no training or validation part")
        return part

    def _statistics(self, parts: Parts, source: Source) -> tuple[tuple[float, ...], ...]:
        if self.transform is not None:
            return self.transform.mean, self.transform.std
        channels, weights = self.image_shape[0], self.weights_transform
        train = self._trained(parts.train)
        return statistics(train, source.shape, channels, self.config, self._workers, weights)

    def _by_position(self, by_row: dict[int, str]) -> dict[int, str]:
        if not by_row:
            return {}
        rows = self._ready().test.rows.tolist()
        return {place: by_row[row] for place, row in enumerate(rows) if row in by_row}

    def _batches(
        self,
        part: Part,
        augment: AugmentConfig | None,
        findings: Findings | None = None,
        done: Set[int] = frozenset(),
    ) -> Batches:
        recipe = Recipe(
            shape=self.image_shape,
            mean=self.mean,
            std=self.std,
            n_classes=len(self.classes),
            batch_size=self.config.batch_size,
            seed=self.seed,
            workers=self._workers,
        )
        return Batches(part, recipe, augment, self.place, self._resident, findings, done)

    def _resident(self, images: Images, device: torch.device) -> Images:
        """Return the images on the device, moved once, if they are a tensor that fits there."""
        if not isinstance(images, Tensor) or device.type == "cpu":
            return images
        if device.type == "cuda":
            memory = torch.cuda.get_device_properties(device).total_memory
            if images.nbytes > _DEVICE_SHARE * memory:
                return images
        key = (id(images), device)
        if key not in self._moved:
            self._moved[key] = images.to(device)
        return self._moved[key]


def load(config: DataConfig, transform: Transform | None = None) -> Source:
    """Return the data set that the configuration names; ImageNet's is read by `transform`."""
    match config.source:
        case "imagenet":
            assert transform is not None
            return imagenet(config, transform)
        case "digits":
            return digits()
        case "synthetic":
            if config.synthetic is None:
                raise DataError("source=synthetic needs data.synthetic; use data=synthetic")
            return synthetic(config.synthetic)
        case "folder":
            return folder(config)
        case "torchvision":
            return torchvision_set(config)


def _decoded(parts: Parts, config: DataConfig, workers: int) -> tuple[Parts, Findings]:
    """Return the parts with their image files decoded, if that is what their images are."""
    files = parts.test.images  # all parts share them
    if not isinstance(files, ImageFiles):
        return parts, Findings(forgive=False)
    if parts.train is None:  # for a subset of the test images not all are decoded and kept
        files = files.select(parts.test.rows)
        parts = Parts(None, None, parts.test.renumbered())
    images, findings = decoded(files, config, workers)
    for part in (parts.train, parts.val):
        for row in part.rows.tolist() if part and findings.corrupt else []:
            if row in findings.corrupt:
                raise CorruptImageError(findings.corrupt[row])
    train, val = (part and replace(part, images=images) for part in parts[:2])
    return Parts(train, val, replace(parts.test, images=images)), findings


def _subset_note(n: int, n_all: int) -> list[str]:
    return [f"{n:,} of the {n_all:,} images, stratified"] if n < n_all else []


def _image_shape(source: Source, config: DataConfig) -> tuple[int, int, int]:
    channels, height, width = source.shape
    if config.image_size is not None:
        height = width = config.image_size
    return config.channels or channels, height, width
