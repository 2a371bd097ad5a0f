"""Survey of own image files: the rules of `pixels` that apply to them, and hashes of the files.

Imports no torch, so that worker processes start at once.
"""

import hashlib
import io
import logging
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from cnncompare.data.decode import UNREADABLE, ArchiveMember, ImagePath, unsupported_error
from cnncompare.data.pixels import (
    PixelRanges,
    UnsupportedPixelsError,
    check_values,
    has_alpha,
    has_wide_pixels,
    is_transparent,
    load_image,
    orientation,
    used_bits,
)
from cnncompare.errors import DataError

log = logging.getLogger(__name__)

_MODES = {"L": "grey", "LA": "grey", "1": "1-bit", "P": "palette", "PA": "palette"}


class FileSurvey(NamedTuple):
    """The hash of one image file and what its conversion involves.

    `kinds` are keys of `data.conversions` in the run record. `largest` is the largest value of an
    image of more than 8 bits, unless the file itself names its range.
    """

    sha256: str
    kinds: tuple[str, ...] = ()
    largest: float | None = None


class Survey(NamedTuple):
    """The survey of all files of a set."""

    files: list[str]
    sha256: list[str]  # of each file's bytes, in hexadecimal
    conversions: dict[str, int]  # number of images by kind
    ranges: PixelRanges

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each file by its path."""
        return dict(zip(self.files, self.sha256, strict=True))


_NOTES = {
    "16-bit": "have 16-bit pixels, {integer_range}",
    "16-bit, dark": "have 16-bit pixels of at most 12 bits and stay dark beside the others",
    "32-bit": "have 32-bit pixels, {integer_range}",
    "floating-point": "have floating-point pixels, scaled from 0 to {floating:g}",
    "transparent": "are not opaque, composed on white",
    "turned": "have an EXIF orientation, turned upright",
    "alpha": "have an opaque alpha channel, which was dropped",
}
_CHANGING = ("16-bit", "16-bit, dark", "32-bit", "floating-point", "transparent", "turned")


def report_conversions(survey: Survey | None) -> None:
    """Log a line for each kind of conversion; print it if it changes how images look."""
    for kind, note in conversion_notes(survey).items() if survey else ():
        log.info("%s", note)
        if kind in _CHANGING:
            print(f"cnncompare: note: {note}", file=sys.stderr, flush=True)


def conversion_notes(survey: Survey) -> dict[str, str]:
    """Return a line for each kind of conversion."""
    bits = survey.ranges.bits
    integer_range = "scaled from the range that each file names"
    if bits is not None:
        of_type = "the range of the type" if bits == 16 else f"all of them use {bits} bits or fewer"
        integer_range = f"scaled from 0 to {2**bits - 1} ({of_type})"
    values = {"integer_range": integer_range, "floating": survey.ranges.floating}
    default = "have {kind} colours, converted to RGB or grey"
    return {
        kind: f"{n:,} of {len(survey.files):,} images "
        + _NOTES.get(kind, default).format(kind=kind, **values)
        for kind, n in survey.conversions.items()
    }


def survey_files(files: Sequence[ImagePath]) -> list[FileSurvey]:
    """Return the survey of each file. Raises DataError for pixels that no rule covers.

    A corrupt file is surveyed by its hash alone, and reported when it is decoded.
    """
    return [_survey_file(file) for file in files]


def combine(files: Sequence[ImagePath], surveys: Sequence[FileSurvey]) -> Survey:
    """Return the survey of a set from those of its files, in the order of the files.

    Raises DataError if floating-point images differ in range.
    """
    integers = [file.largest for file in surveys if file.largest is not None and _is_wide(file)]
    bits = max((used_bits(int(largest)) for largest in integers), default=None)
    counts = Counter(kind for file in surveys for kind in file.kinds)
    if bits == 16:
        counts["16-bit, dark"] = sum(largest < 2**12 for largest in integers)
    return Survey(
        files=[str(file) for file in files],
        sha256=[file.sha256 for file in surveys],
        conversions={kind: n for kind, n in sorted(counts.items()) if n},
        ranges=PixelRanges(bits, _floating_range(files, surveys)),
    )


def _is_wide(file: FileSurvey) -> bool:
    return "16-bit" in file.kinds or "32-bit" in file.kinds


def _floating_range(files: Sequence[ImagePath], surveys: Sequence[FileSurvey]) -> float | None:
    largest = {
        row: file.largest
        for row, file in enumerate(surveys)
        if "floating-point" in file.kinds and file.largest
    }
    if not largest:
        return None
    low, high = min(largest, key=largest.__getitem__), max(largest, key=largest.__getitem__)
    if largest[low] <= 1 < largest[high]:
        raise DataError(
            f"{files[low]} has floating-point pixels up to {largest[low]:g}, {files[high]} up to "
            f"{largest[high]:g}; save all of them with 8 or 16 bits"
        )
    return 1.0 if largest[high] <= 1 else 255.0


def _survey_file(file: ImagePath) -> FileSurvey:
    content = _read(file)
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        with Image.open(io.BytesIO(content)) as image:
            wide = has_wide_pixels(image)
            if image.format == "PNG" and b"eXIf" in content and "exif" not in image.info:
                image.load()  # the orientation may follow the pixels
            kinds = [*_mode_kinds(image), *(["turned"] if orientation(image) > 1 else [])]
            if has_alpha(image):
                kinds.append("transparent" if is_transparent(image) else "alpha")
        return _survey_values(sha256, kinds, content) if wide else FileSurvey(sha256, tuple(kinds))
    except UnsupportedPixelsError as error:
        raise unsupported_error(file, error) from None
    except UNREADABLE:
        return FileSurvey(sha256)


def _survey_values(sha256: str, kinds: Iterable[str], content: bytes) -> FileSurvey:
    loaded = load_image(lambda: io.BytesIO(content))
    assert loaded.values is not None
    largest = check_values(loaded.values)
    kind = {"f": "floating-point", "i": "32-bit"}.get(loaded.values.dtype.kind, "16-bit")
    if loaded.values.dtype == np.int32 and loaded.stated_range:
        kind = "16-bit"  # PIL scales these to 16 bits
    return FileSurvey(sha256, (kind, *kinds), None if loaded.stated_range else largest)


def _mode_kinds(image: Image.Image) -> list[str]:
    """Return the kind of an opened image's colour mode, unless it is RGB or has more bits."""
    if image.mode in ("RGB", "RGBA", "RGBa", "F") or image.mode.startswith("I"):
        return []
    return [_MODES.get(image.mode, image.mode)]


def _read(file: ImagePath) -> bytes:
    if isinstance(file, ArchiveMember):
        with open(file.archive, "rb") as archive:
            archive.seek(file.start)
            return archive.read(file.size)
    try:
        return Path(file).read_bytes()
    except OSError:
        return b""  # reported when it is decoded
