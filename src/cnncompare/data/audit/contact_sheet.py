"""A contact sheet: a few images of each class with their names, as one PNG file."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from cnncompare.data.audit.audit import Audit, AuditedImage

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
        draw.text((4, top), _fit(title, sheet.width - 8, font), fill="black", font=font)
        for column, image in enumerate(images):
            left = column * _CELL + 4
            sheet.paste(_scaled(image), (left, top + _TEXT + 4))
            name = f"{image.split}/{Path(image.name).name}"
            label = _fit(name, _IMAGE, font)
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


def _scaled(image: AuditedImage) -> Image.Image:
    """Return the image in a square; small images are enlarged without smoothing."""
    pixels = image.read()
    enlarged = max(pixels.size) < _IMAGE
    method = Image.Resampling.NEAREST if enlarged else Image.Resampling.LANCZOS
    scale = _IMAGE / max(pixels.size)
    size = (max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale)))
    square = Image.new("RGB", (_IMAGE, _IMAGE), "white")
    square.paste(pixels.convert("RGB").resize(size, method))
    return square


def _fit(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Return the text, shortened in its middle to at most `width` pixels."""
    text = text.encode("utf-8", "replace").decode()  # file names can have bytes that are no UTF-8
    if font.getlength(text) <= width:
        return text
    half = len(text) // 2
    while half and font.getlength(f"{text[:half]}...{text[-half:]}") > width:
        half -= 1
    return f"{text[:half]}...{text[-half:]}" if half else ""
