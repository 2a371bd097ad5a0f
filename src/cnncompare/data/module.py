"""The Lightning data module: loads, splits and checks a data set, and provides batches."""

import copy
from collections.abc import Iterable, Sequence, Set
from itertools import compress
from typing import Self

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from cnncompare.config.data import AugmentConfig, DataConfig
from cnncompare.data.augment import Augmentation, adapt
from cnncompare.data.batch_size import resolve_batch_size
from cnncompare.data.decoded_splits import check_workers, decode_splits, hash_test_images
from cnncompare.data.device_copies import DeviceCopies
from cnncompare.data.files import DecodeReport, ImageFiles
from cnncompare.data.leaks import count_leaks
from cnncompare.data.loaders import Batches, BatchOptions, RankInfo
from cnncompare.data.normalize import channel_statistics
from cnncompare.data.source import Pool, Source, Split, fingerprint, read_images
from cnncompare.data.sources.imagenet.notes import colour_notes, limit_note
from cnncompare.data.sources.load import load_source
from cnncompare.data.split import Splits, complete_source, split_rows, split_source
from cnncompare.data.split_table import SplitRow
from cnncompare.data.survey import Survey
from cnncompare.data.survey_cache import survey_splits
from cnncompare.data.training_batches import PLAIN, TrainingBatches
from cnncompare.data.transform import resolve_transform
from cnncompare.errors import DataError
from cnncompare.models.pretrained.transforms import Transform
from cnncompare.system.cores import available_cores


class ImageData(LightningDataModule):
    """The images of one data set under one protocol, for a Trainer that reloads every epoch.

    `prepare_data` and `setup`, which a Trainer calls, or `prepare` set these attributes: `classes`,
    in the order of the labels, and `class_names`, the same classes by their names for display;
    `image_shape` (C, H, W) of the batches; `n_train` and `n_val` (None if nothing is trained) and
    `n_test`; `batch_size`, the global one; `mean` and `std` per channel for pixels in [0, 1]; the
    images of each class, int64 [classes], in training as `train_class_counts` (None if nothing is
    trained) and as `val_class_counts` in the split on which the epoch is selected; `transform`, the
    preprocessing of ImageNet images (None for other data); `test_labels`, int64 [n_test];
    `present_classes`, the labels among them, int64, ascending; `fingerprint`, the SHA-256 of the
    test images before resizing and of their labels; `ignored_files`, the numbers of ignored files
    by suffix; `split_rows`, the split of each image before any limit (None if the data set has
    fixed splits); `survey`, that of own image files (None for other data); `pool`, all images of
    which a fold or hold-out is the test split, and `pool_positions`, int64 [n_test], the test
    images in it (both None without these).

    `weights_transform` is the transform of the network's pretrained weights; `augmentations` are
    those of users' modules, for training images; `training` has the trainer's options that concern
    batches. Nothing else changes afterwards: `without` and `without_tested` return other data. A
    loader gets epoch, rank and device when it is made.
    """

    classes: list[str]
    class_names: list[str]
    image_shape: tuple[int, int, int]
    n_train: int | None
    n_val: int | None
    n_test: int
    batch_size: int
    train_class_counts: Tensor | None
    val_class_counts: Tensor
    fingerprint: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    transform: Transform | None
    test_labels: Tensor
    present_classes: Tensor
    survey: Survey | None
    ignored_files: dict[str, int]
    split_rows: list[SplitRow] | None
    pool: Pool | None
    pool_positions: Tensor | None

    def __init__(
        self,
        config: DataConfig,
        *,
        seed: int,
        weights_transform: Transform | None = None,
        augmentations: Sequence[Augmentation] = (),
        training: TrainingBatches = PLAIN,
    ) -> None:
        super().__init__()
        self.config = config
        self.seed = seed
        self.weights_transform = weights_transform
        self.augmentations = augmentations
        self.training = training
        self._tested: Set[int] = frozenset()
        self._workers = available_cores() if config.workers is None else config.workers
        self._splits: Splits | None = None
        self._on_device = DeviceCopies()

    def prepare_data(self) -> None:
        """Download and decode missing files; a Trainer calls this in one process of each node."""
        self.prepare()

    def setup(self, stage: str | None = None) -> None:
        """Load, split and check the images; a Trainer calls this in each process and stage."""
        self.prepare()

    def prepare(self) -> None:
        """Do both, without a Trainer; later calls do nothing. Raises DataError for all faults."""
        if self._splits is not None:
            return
        self.transform = None
        if self.config.source == "imagenet":
            self.transform = resolve_transform(self.config, self.weights_transform)
        loaded = load_source(self.config, self.transform)
        source = complete_source(loaded, self.config, self._workers)
        self.ignored_files = source.ignored_files
        self.split_rows = None if source is loaded else split_rows(source)
        splits = self.training.shorten(split_source(source, self.config), self.config.batch_size)
        self.pool = source.pool
        self.pool_positions = None if self.pool is None else self.pool.positions(splits.test)
        splits, self.survey = survey_splits(splits, self.config, self._workers)
        self._hashes = hash_test_images(splits.test, self.config, self._workers)
        splits, self._report = decode_splits(splits, self.config, self._workers)
        self.classes = source.classes
        self.class_names = source.class_names or source.classes
        self.image_shape = source.batch_shape(self.config)
        self.n_train = None if splits.train is None else len(splits.train)
        self.n_val = None if splits.val is None else len(splits.val)
        self.n_test, self.test_labels = len(splits.test), splits.test.labels
        n_expected = None if self.pool is None else self.pool.n_train
        self.batch_size = resolve_batch_size(self.config.batch_size, self.n_train, n_expected)
        check_workers(splits, self.batch_size, self._workers)
        chosen_on = splits.test if splits.val is None else splits.val
        train = splits.train
        self.train_class_counts = None if train is None else source.count_classes(train)
        self.val_class_counts = source.count_classes(chosen_on)
        self.present_classes = torch.unique(self.test_labels)
        self._notes = source.notes + limit_note(len(splits.test), len(source.test or ()))
        self.fingerprint = fingerprint(splits.test, source.shape, source.classes, self._hashes)
        self.mean, self.std = self._statistics(splits, source)
        self._splits = splits

    @property
    def notes(self) -> list[str]:
        """Properties of these ImageNet images that make a result less comparable, a line each.

        Colour modes are included once the images are decoded: immediately if they are cached,
        otherwise after the test.
        """
        rows = self._prepared_splits().test.keys
        if self.transform is None or rows is None:
            return []
        names = [key.split(b"\0")[0].decode(errors="replace") for key in rows]
        return self._notes + colour_notes(self._report.colour_modes, names)

    @property
    def corrupt_images(self) -> dict[int, str]:
        """Error message of each corrupt test image decoded so far, by position.

        In batches, the label of a corrupt image is -1 and its pixels are zeros. With
        `data.on_corrupt_image=error` there are none.
        """
        return self._by_position(self._report.corrupt)

    def count_leaks(self) -> int | None:
        """Return the number of test images that are also training images, None if not measured."""
        return count_leaks(self._prepared_splits().train, self._prepared_splits().test)

    def train_dataloader(self) -> Batches:
        """Return the training batches of an epoch; refuse a trainer that would repeat them."""
        if getattr(self.trainer, "reload_dataloaders_every_n_epochs", 1) != 1:
            raise RuntimeError(
                "the batches of an epoch are drawn when its loader is made; use "
                "Trainer(reload_dataloaders_every_n_epochs=1)"
            )
        return self._batches(self._require(self._prepared_splits().train), self.config.augment)

    def val_dataloader(self) -> Batches:
        """Return the validation batches, in the order of the split."""
        return self._batches(self._require(self._prepared_splits().val), None)

    def test_dataloader(self) -> Batches:
        """Return the test batches, in the order of the split."""
        test = self._prepared_splits().test
        return self._batches(test, None, self._report, self._tested)

    def test_batches(self, positions: Tensor) -> Batches:
        """Return evaluation batches of the test images at `positions`, int64 [n]."""
        return self._batches(self._prepared_splits().test.select(positions), None, self._report)

    def test_image_name(self, position: int) -> str:
        """Return the file name of a test image, or its position if it has none."""
        test = self._prepared_splits().test
        key = b"" if test.keys is None else test.keys[int(test.rows[position])]
        return key.split(b"\0")[0].decode(errors="replace") or f"image {position}"

    def test_image_paths(self) -> list[str]:
        """Return the paths of the test images. Raises DataError if they are not in a folder."""
        test = self._prepared_splits().test
        if not isinstance(test.images, ImageFiles) or test.images.starts is not None:
            raise DataError(f"data={self.config.name} is not read from a folder of image files")
        return [str(test.images.path(row)) for row in test.rows.tolist()]

    def without_tested(self, positions: Iterable[int]) -> Self:
        """Return the same data without test batches of only `positions`, at least one is left."""
        remaining = copy.copy(self)
        remaining._tested = frozenset(positions)
        return remaining

    def without(self, positions: Tensor) -> Self:
        """Return the same data without the test images at `positions`, int64 [m]."""
        if not len(positions):
            return self
        kept = torch.ones(self.n_test, dtype=torch.bool)
        kept[positions] = False
        fewer, splits = copy.copy(self), self._prepared_splits()
        test = splits.test.select(kept.nonzero().squeeze(1))
        fewer._splits = splits._replace(test=test)
        fewer.n_test, fewer.test_labels = len(test), test.labels
        fewer.present_classes = torch.unique(test.labels)
        fewer._hashes = self._hashes and list(compress(self._hashes, kept.tolist()))
        fewer.fingerprint = fingerprint(test, self.image_shape, self.classes, fewer._hashes)
        return fewer

    def test_images(self, indices: Sequence[int]) -> Tensor:
        """Return test images for display, uint8 [n, C, H, W]."""
        return adapt(self.stored_test_images(indices), self.image_shape).contiguous()

    def stored_test_images(self, indices: Sequence[int]) -> Tensor:
        """Return test images before they get the size of the batches, uint8 [n, C, H, W]."""
        test = self._prepared_splits().test
        rows = test.rows[torch.tensor(indices, dtype=torch.int64)]
        (images,) = read_images(test.images, [rows], 0, self._report)
        return images

    def rank_info(self) -> RankInfo:
        """Return the trainer's epoch, rank and device, or epoch 0 and rank 0 on the CPU."""
        if self.trainer is None:
            return RankInfo(epoch=0, rank=0, world_size=1, device=torch.device("cpu"))
        trainer, device = self.trainer, self.trainer.strategy.root_device
        return RankInfo(trainer.current_epoch, trainer.global_rank, trainer.world_size, device)

    def _prepared_splits(self) -> Splits:
        if self._splits is None:
            raise RuntimeError("ImageData.prepare() or setup() was not called")
        return self._splits

    def _require(self, split: Split | None) -> Split:
        if split is None:
            raise DataError(f"data={self.config.name} has no training or validation split")
        return split

    def _statistics(self, splits: Splits, source: Source) -> tuple[tuple[float, ...], ...]:
        if self.transform is not None:
            return self.transform.mean, self.transform.std
        channels, weights = self.image_shape[0], self.weights_transform
        train = self._require(splits.train)
        return channel_statistics(
            train, source.shape, channels, self.config, self._workers, weights
        )

    def _by_position(self, by_row: dict[int, str]) -> dict[int, str]:
        if not by_row:
            return {}
        rows = self._prepared_splits().test.rows.tolist()
        return {position: by_row[row] for position, row in enumerate(rows) if row in by_row}

    def _batches(
        self,
        split: Split,
        augment: AugmentConfig | None,
        report: DecodeReport | None = None,
        done: Set[int] = frozenset(),
    ) -> Batches:
        options = BatchOptions(
            shape=self.image_shape,
            mean=self.mean,
            std=self.std,
            n_classes=len(self.classes),
            batch_size=self.batch_size,
            seed=self.seed,
            workers=self._workers,
            augmentations=self.augmentations,
            balance=self.config.balance,
            accumulate=self.training.accumulate,
            repeat_order=self.training.repeat_order,
        )
        return Batches(split, options, augment, self.rank_info(), self._on_device, report, done)
