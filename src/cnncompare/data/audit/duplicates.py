"""Identical and near-identical images within and between splits; imports no torch.

Identical images have the same decoded pixels. Near-identical images have perceptual hashes (DCT,
64 bits) that differ in at most `MAX_HASH_DISTANCE` bits, and thumbnails whose root mean square
difference is small for their contrast, in grey and in colour. The hash alone is not enough at
32x32 pixels: of the 1.8e9 pairs of CIFAR-10's images, 1,862 are within 8 bits, 201 of them of
different classes. With both conditions 251 remain, all of one class and, by eye, all of one scene:
0 false positives of 251, below 1.5 % with 95 % confidence. Of 1,000 CIFAR-10 images, all are found
again after JPEG compression of quality 30 or more, WebP, resizing by 2 or 0.5 and reduction to 64
colours, 92 % after conversion to grey and 87 % after JPEG of quality 10. Images that are flipped,
cropped or shifted are not found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cnncompare.data.audit.properties import THUMBNAIL_SIZE, ImageProperties

MAX_HASH_DISTANCE = 8  # of 64 bits
MAX_GREY_DIFFERENCE = 0.3
MAX_COLOUR_DIFFERENCE = 0.8  # larger, because JPEG stores colour coarsely
MAX_COMPARED = 200_000  # different images; all pairs of them take about a minute on one core

_MIN_CONTRAST = 4.0  # grey levels; below, noise would make all images differ
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_ROWS = 256  # compared with all later images at once
_PAIRS = 2**16  # thumbnails compared at once

Pair = tuple[int, int]
"""Positions of an image and of a later one that repeats it."""


@dataclass
class Duplicates:
    """Each image that repeats an earlier one, with the first that it repeats.

    What repeats an image of an earlier split is not listed again within its own, and an image is
    near-identical only to images that differ. The lists of near-identical images are None if there
    are too many images to compare.
    """

    identical_within: list[Pair] = field(default_factory=list)
    identical_between: list[Pair] = field(default_factory=list)
    near_within: list[Pair] | None = None
    near_between: list[Pair] | None = None


def find_duplicates(images: Sequence[ImageProperties], split_numbers: Sequence[int]) -> Duplicates:
    """Return the duplicates among images that are ordered by split; unreadable ones have none."""
    members: dict[bytes, list[int]] = {}
    for position, image in enumerate(images):
        if not image.error:
            members.setdefault(image.pixel_hash, []).append(position)
    contents = list(members.values())  # in the order of their first images
    found = Duplicates()
    for content in contents:
        _add_identical(found, content, split_numbers)
    if len(contents) <= MAX_COMPARED:
        _add_near(found, contents, images, split_numbers)
    return found


def _add_identical(found: Duplicates, content: list[int], splits: Sequence[int]) -> None:
    first = content[0]
    for position in content[1:]:
        pairs = found.identical_within
        if splits[position] != splits[first]:
            pairs = found.identical_between
        pairs.append((first, position))


def _add_near(
    found: Duplicates,
    contents: list[list[int]],
    images: Sequence[ImageProperties],
    splits: Sequence[int],
) -> None:
    within: dict[int, int] = {}  # the later content -> the earlier
    between: dict[int, int] = {}
    for earlier, later in near_pairs([images[content[0]] for content in contents]):
        same = splits[contents[earlier][0]] == splits[contents[later][0]]
        (within if same else between).setdefault(later, earlier)
    found.near_between = [
        (contents[earlier][0], position)
        for later, earlier in sorted(between.items())
        for position in contents[later]
        if splits[position] == splits[contents[later][0]]  # others are identical to an earlier one
    ]
    found.near_within = [
        (contents[earlier][0], contents[later][0])
        for later, earlier in sorted(within.items())
        if later not in between
    ]


def near_pairs(images: Sequence[ImageProperties]) -> Iterator[Pair]:
    """Yield the positions of each pair of near-identical images, the earlier first."""
    hashes = np.array([image.perceptual_hash for image in images], np.uint64)
    thumbnails = np.frombuffer(b"".join(image.thumbnail for image in images), np.uint8)
    thumbnails = thumbnails.reshape(len(images), THUMBNAIL_SIZE**2, 3)
    for start in range(0, len(hashes), _ROWS):
        rows = hashes[start : start + _ROWS, None]
        distances = np.bitwise_count(rows ^ hashes[None, start:])
        first, second = np.nonzero(distances <= MAX_HASH_DISTANCE)
        candidates = np.stack([first, second], axis=1)[second > first] + start
        for chunk in range(0, len(candidates), _PAIRS):
            yield from _confirm(candidates[chunk : chunk + _PAIRS], thumbnails)


def _confirm(pairs: NDArray[np.int64], thumbnails: NDArray[np.uint8]) -> Iterator[Pair]:
    """Yield the pairs, int64 [n, 2], whose thumbnails are similar."""
    a, b = (thumbnails[pairs[:, side]].astype(np.float32) for side in (0, 1))
    similar = _relative_difference(a, b) <= MAX_COLOUR_DIFFERENCE
    similar &= _relative_difference(a @ _LUMA, b @ _LUMA) <= MAX_GREY_DIFFERENCE
    yield from ((int(first), int(second)) for first, second in pairs[similar])


def _relative_difference(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the RMS difference of pairs of images, [n, pixels, ...], over their contrast."""
    a, b = (pixels.reshape(len(pixels), -1) for pixels in (a, b))
    contrast = np.sqrt((a.var(axis=1) + b.var(axis=1)) / 2).clip(_MIN_CONTRAST)
    relative: NDArray[np.float32] = np.sqrt(np.square(a - b).mean(axis=1)) / contrast
    return relative
