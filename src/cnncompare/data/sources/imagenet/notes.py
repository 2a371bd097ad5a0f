"""Notes on sets of ImageNet images that differ from the validation set of 50,000 images."""

from collections import Counter
from collections.abc import Mapping, Sequence

from cnncompare.data.sources.imagenet.layout import Layout
from cnncompare.data.sources.imagenet.listing import ListedImage
from cnncompare.data.sources.imagenet.synsets import synsets

PER_CLASS = 50  # images in the validation set; the training set has 732 to 1,300
_MIN_TRAINING = 500  # images per class that indicate training images
_MODES = {"L": "grey", "LA": "grey", "1": "grey", "I": "grey", "I;16": "grey", "CMYK": "CMYK"}


def comparability_notes(
    layout: Layout, images: Sequence[ListedImage], others: Mapping[str, int]
) -> list[str]:
    """Return a line for each property that makes an accuracy on these images less comparable."""
    counts, n_others = Counter(image.label for image in images), sum(others.values())
    notes = [
        f"{len(counts):,} of 1,000 classes" if len(counts) < 1000 else "",
        _training_note(images, counts),
        *_count_notes(counts),
        f"{n_others:,} files that are not images are ignored" if n_others else "",
    ]
    if layout.kind == "wnid" and layout.unsorted_list is not None:
        notes.append(
            f"{layout.unsorted_list.name} does not list the classes in sorted order; labels are "
            f"assigned by the wnids of the folders"
        )
    return [note for note in notes if note]


def colour_notes(modes: Mapping[int, str], paths: Sequence[str]) -> list[str]:
    """Return a line about images that were not RGB, if any; `modes` are by row in `paths`."""
    if not modes:
        return []
    counts = Counter(_MODES.get(mode, mode) for mode in modes.values())
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common())
    plural = "images" if len(modes) > 1 else "image"
    return [f"{kinds} {plural}, converted to RGB (the first: {paths[min(modes)]})"]


def _training_note(images: Sequence[ListedImage], counts: Counter[int]) -> str:
    wnids = synsets()
    named = [image for image in images if image.name.startswith(f"{wnids[image.label]}_")]
    warning = "accuracy is higher than on the validation set"
    if len(named) * 2 > len(images):
        return f"training images, according to their names ({named[0].name} ...): {warning}"
    typical = sorted(counts.values())[len(counts) // 2]
    if typical >= _MIN_TRAINING:
        return f"training images, according to their number ({typical:,} per class): {warning}"
    return ""


def _count_notes(counts: Counter[int]) -> list[str]:
    """List classes without 50 images, provided that at least half of the classes have 50."""
    full = [label for label, count in counts.items() if count == PER_CLASS]
    if len(full) * 2 < len(counts):
        return []
    notes = []
    for problem, sign in (("missing", -1), ("too many", 1)):
        deviating = {
            label: count
            for label, count in sorted(counts.items())
            if (count - PER_CLASS) * sign > 0
        }
        n = sum((count - PER_CLASS) * sign for count in deviating.values())
        first = [f"{synsets()[label]} has {count}" for label, count in deviating.items()][:3]
        more = f" and {len(deviating) - 3:,} more classes" if len(deviating) > 3 else ""
        if n:
            plural = "images" if n > 1 else "image"
            notes.append(f"{n:,} {plural} {problem}: {', '.join(first)}{more}, of {PER_CLASS} each")
    return notes
