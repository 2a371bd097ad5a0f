"""Decode the image files of splits, and hash the test images for the fingerprint."""

import math
from dataclasses import replace

from cnncompare.config.data import DataConfig
from cnncompare.data.cache import decode_to_cache
from cnncompare.data.decode import CorruptImageError
from cnncompare.data.files import DecodeReport, ImageFiles
from cnncompare.data.identical import hash_images
from cnncompare.data.shared_memory import check_shared_memory
from cnncompare.data.source import Split
from cnncompare.data.split import Splits


def hash_test_images(test: Split, config: DataConfig, workers: int) -> list[bytes] | None:
    """Return hashes of own test images, so that any form of the same pixels has one fingerprint."""
    if config.source not in ("folder", "arrays", "parquet"):
        return None
    return hash_images(test, config, workers)


def decode_splits(splits: Splits, config: DataConfig, workers: int) -> tuple[Splits, DecodeReport]:
    """Decode the image files of the splits, if they consist of files, and report on them."""
    files = splits.test.images  # shared by all splits
    if not isinstance(files, ImageFiles):
        return splits, DecodeReport(allow_corrupt=False)
    if splits.train is None:  # cache only the images that data.limit_test selects
        files = files.select(splits.test.rows)
        splits = Splits(None, None, splits.test.renumbered())
    images, report = decode_to_cache(files, config, workers)
    for split in (splits.train, splits.val):
        for row in split.rows.tolist() if split and report.corrupt else []:
            if row in report.corrupt:
                raise CorruptImageError(report.corrupt[row])
    train, val = (split and replace(split, images=images) for split in splits[:2])
    return Splits(train, val, replace(splits.test, images=images)), report


def check_workers(splits: Splits, batch_size: int, workers: int) -> None:
    """Raise DataError if the batches of decoding workers do not fit into shared memory."""
    images = splits.test.images
    if isinstance(images, ImageFiles):
        n = min(batch_size, max(len(split) for split in splits if split))
        check_shared_memory(workers, n * math.prod(images.options[:3]))
