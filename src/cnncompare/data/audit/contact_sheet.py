"""A contact sheet: a few images of each class with their names, as one PNG file."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from cnncompare.data.audit.audit import Audit, AuditedImage
from cnncompare.plotting.tiles import fit_text, in_square

PER_CLASS = 8
MAX_CLASSES = 100  # a row each

_CELL = 104  # pixels, margin included
_IMAGE = 96
_TEXT = 14  # height of a line


def draw_contact_sheet(audit: Audit) -> Image.Image:
    """Return a sheet with a row of images per class, spread evenly over the class."""
    rows = _choose(audit)
    sheet = Image.new("RGB", (_CELL * PER_CLASS, (_CELL + 2 * _TEXT) * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=11)
    for number, (title, images) in enumerate(rows):
        top = number * (_CELL + 2 * _TEXT)
        draw.text((4, top), fit_text(title, sheet.width - 8, font), fill="black", font=font)
        for column, image in enumerate(images):
            left = column * _CELL + 4
            sheet.paste(in_square(image.read(), _IMAGE), (left, top + _TEXT + 4))
            name = f"{image.split}/{Path(image.name).name}"
            label = fit_text(name, _IMAGE, font)
            draw.text((left, top + _TEXT + 4 + _IMAGE), label, fill="dimgray", font=font)
    return sheet


def _choose(audit: Audit) -> list[tuple[str, list[AuditedImage]]]:
    """Return a title and the images of each class, as far as there is space."""
    members: list[list[AuditedImage]] = [[] for _ in audit.classes]
    for image in audit.images:
        if not image.properties.error:
            members[image.label].append(image)
    titled = [
        (f"{name}: {len(images):,} images", _spread(images))
        for name, images in zip(audit.classes, members, strict=True)
    ]
    return titled[:MAX_CLASSES]


def _spread(images: Sequence[AuditedImage]) -> list[AuditedImage]:
    n = min(PER_CLASS, len(images))
    return [images[number * len(images) // n] for number in range(n)]
