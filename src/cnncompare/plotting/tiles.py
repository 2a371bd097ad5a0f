"""Small images and labels that fit into the cells of a contact sheet."""

from PIL import Image, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def in_square(image: Image.Image, side: int) -> Image.Image:
    """Return the image in a white square; small images are enlarged without smoothing."""
    enlarged = max(image.size) < side
    method = Image.Resampling.NEAREST if enlarged else Image.Resampling.LANCZOS
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    square = Image.new("RGB", (side, side), "white")
    square.paste(image.convert("RGB").resize(size, method))
    return square


def fit_text(text: str, width: int, font: Font) -> str:
    """Return the text, shortened in its middle to at most `width` pixels."""
    text = text.encode("utf-8", "replace").decode()  # file names can have bytes that are no UTF-8
    if font.getlength(text) <= width:
        return text
    half = len(text) // 2
    while half and font.getlength(f"{text[:half]}...{text[-half:]}") > width:
        half -= 1
    return f"{text[:half]}...{text[-half:]}" if half else ""
