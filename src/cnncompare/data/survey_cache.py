"""A survey of own images, stored in the cache folder until a file changes."""

import json
import os
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from cnncompare.config.data import DataConfig
from cnncompare.data.cache import cache_key, run_in_chunks
from cnncompare.data.decode import DecodeOptions, ImagePath
from cnncompare.data.files import ImageFiles
from cnncompare.data.pixels import PixelRanges
from cnncompare.data.split import Splits
from cnncompare.data.survey import Survey, combine, survey_files
from cnncompare.system import strict_json
from cnncompare.system.durable_files import replace_durably

_ANY_SIZE = DecodeOptions(channels=3, height=0, width=0, size=None, reference_file="")


def survey_splits(splits: Splits, config: DataConfig, workers: int) -> tuple[Splits, Survey | None]:
    """Survey own image files; apply their common ranges, and add their hashes to the keys.

    Other images are returned unchanged. Raises DataError for pixels that no rule covers.
    """
    files = splits.test.images  # shared by all splits
    if not isinstance(files, ImageFiles) or files.options.as_pretrained:
        return splits, None
    survey = _survey_images(files, config, workers)
    images = replace(files, options=files.options._replace(ranges=survey.ranges))
    rows = zip(files.files, survey.sha256, strict=True)
    keys = [os.fsencode(name) + f"\0{sha256}\n".encode() for name, sha256 in rows]
    train, val = (split and replace(split, images=images, keys=keys) for split in splits[:2])
    return Splits(train, val, replace(splits.test, images=images, keys=keys)), survey


def _survey_images(images: ImageFiles, config: DataConfig, workers: int) -> Survey:
    """Return the survey of all files, made by `workers` processes if it is not in the cache."""
    folder = Path(os.path.abspath(os.path.expanduser(config.cache_dir)))
    file = folder / f"{cache_key(replace(images, options=_ANY_SIZE))}.survey.json"
    paths = [images.path(row) for row in range(len(images))]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock")):
            return _read(file, paths) or _make(images, workers, paths, file)
    except OSError:  # the cache folder cannot be written
        return _make(images, workers, paths, None)


def _read(file: Path, paths: list[ImagePath]) -> Survey | None:
    try:
        content = strict_json.loads(file.read_bytes())
        survey = Survey(
            files=[str(path) for path in paths],
            sha256=list(content["sha256"]),
            conversions={str(kind): int(n) for kind, n in content["conversions"].items()},
            ranges=PixelRanges(**content["ranges"]),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return survey if len(survey.sha256) == len(paths) else None


def _make(images: ImageFiles, workers: int, paths: list[ImagePath], file: Path | None) -> Survey:
    chunks = run_in_chunks(survey_files, images, workers, [])
    survey = combine(paths, [survey for chunk in chunks for survey in chunk])
    if file is not None:
        content = {
            "sha256": survey.sha256,
            "conversions": survey.conversions,
            "ranges": survey.ranges._asdict(),
        }
        unfinished = file.with_suffix(".tmp")  # the lock admits one writer at a time
        unfinished.write_text(json.dumps(content))
        replace_durably(unfinished, file)
    return survey
