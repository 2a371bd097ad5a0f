"""What makes a set of ImageNet images less comparable with the 50,000 of the validation set."""

from collections import Counter
from collections.abc import Mapping, Sequence

from cnncompare.data.sources.imagenet.layout import Layout, ListedImage
from cnncompare.data.sources.imagenet.synsets import synsets

PER_CLASS = 50  # of the validation set; the training part has 732 to 1,300
_TRAINING = 500
_MODES = {"L": "grey", "LA": "grey", "1": "grey", "I": "grey", "I;16": "grey", "CMYK": "CMYK"}


def notes_of(layout: Layout, images: Sequence[ListedImage], others: int) -> list[str]:
    """Return a line for each thing that makes an accuracy on these images another one."""
    counts = Counter(image.label for image in images)
    found = [
        f"{len(counts):,} of 1,000 classes" if len(counts) < 1000 else "",
        _training(images, counts),
        *_missing_and_surplus(counts),
        f"{others:,} files that are no images are ignored" if others else "",
    ]
    if layout.kind == "wnid" and layout.unsorted_list is not None:
        found.append(
            f"{layout.unsorted_list.name} lists the classes in another order than the sorted one; "
            f"labels follow the folders' wnids"
        )
    return [note for note in found if note]


def colour_note(modes: Mapping[int, str], paths: Sequence[str]) -> list[str]:
    """Return a line for images that were not RGB, `modes` by their row in `paths`; [] for none."""
    if not modes:
        return []
    counts = Counter(_MODES.get(mode, mode) for mode in modes.values())
    said = ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common())
    plural = "images" if len(modes) > 1 else "image"
    return [f"{said} {plural}, converted to RGB (the first: {paths[min(modes)]})"]


def _training(images: Sequence[ListedImage], counts: Counter[int]) -> str:
    wnids = synsets()
    named = [image for image in images if image.name.startswith(f"{wnids[image.label]}_")]
    warning = "accuracy is higher than on the validation set"
    if len(named) * 2 > len(images):
        return f"training images by their names ({named[0].name} ...): {warning}"
    typical = sorted(counts.values())[len(counts) // 2]
    if typical >= _TRAINING:
        return f"training images by their number ({typical:,} a class): {warning}"
    return ""


def _missing_and_surplus(counts: Counter[int]) -> list[str]:
    """Compare each class with 50 images where most classes have them, or all classes are there."""
    full = [label for label, count in counts.items() if count == PER_CLASS]
    if len(full) * 2 < len(counts):
        return []
    found = []
    for word, sign in (("missing", -1), ("too many", 1)):
        wrong = {
            label: count
            for label, count in sorted(counts.items())
            if (count - PER_CLASS) * sign > 0
        }
        n = sum((count - PER_CLASS) * sign for count in wrong.values())
        first = [f"{synsets()[label]} has {count}" for label, count in wrong.items()][:3]
        more = f" and {len(wrong) - 3:,} classes more" if len(wrong) > 3 else ""
        if n:
            plural = "images" if n > 1 else "image"
            found.append(f"{n:,} {plural} {word}: {', '.join(first)}{more}, of {PER_CLASS} each")
    return found
