"""Decode the image files of splits."""

from dataclasses import replace

from cnncompare.config.data import DataConfig
from cnncompare.data.cache import decode_to_cache
from cnncompare.data.decode import CorruptImageError
from cnncompare.data.files import DecodeReport, ImageFiles
from cnncompare.data.split import Splits


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
