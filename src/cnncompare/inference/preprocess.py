"""Preprocessing of image files as the run preprocessed its test images."""

from functools import partial

import torch
from PIL import Image
from torch import Tensor

from cnncompare.data.augment import adapt
from cnncompare.data.decode import RGB_AS_STORED, DecodeOptions, read_image, to_pixels
from cnncompare.data.pixels import PixelRanges
from cnncompare.inference.saved_settings import SavedSettings
from cnncompare.runs.record import EvaluationSection

# classes of torchvision.datasets that hold arrays; the images of others are files of any size
ARRAY_SETS = {
    *("MNIST", "FashionMNIST", "KMNIST", "QMNIST", "EMNIST", "USPS", "SEMEION"),
    *("CIFAR10", "CIFAR100", "SVHN", "STL10"),
}
GREY_MODES = ("1", "L", "LA", "La")


class Preprocessing:
    """Reads image files as uint8 [C, H, W], the size and channels of the network's input.

    Data sets of files are read by their own rules. For data sets of arrays, an image is converted
    by the rules of own images and then treated like an array of its size.
    """

    def __init__(self, settings: SavedSettings) -> None:
        channels, height, width = settings.built.input_size
        self.shape = (channels, height, width)
        source = settings.data.source
        is_array = settings.data.dataset in ARRAY_SETS if source == "torchvision" else None
        if is_array or source in ("digits", "synthetic", "arrays"):
            self.read = partial(_read_as_array, self.shape)
        else:
            self.read = partial(_read_as_file, _decode_options(settings))

    def __call__(self, file: str) -> Tensor:
        """Return the image; raises DataError if it cannot be read."""
        return self.read(file)


def _decode_options(settings: SavedSettings) -> DecodeOptions:
    channels, height, width = settings.built.input_size
    options = DecodeOptions(
        channels,
        height,
        width,
        settings.data.image_size,
        reference_file="",
        resize=settings.data.resize,
        interpolation=settings.data.interpolation or "bilinear",
        ranges=PixelRanges.of_kinds(settings.images.pixel_ranges),
        as_pretrained=settings.data.source in ("imagenet", "torchvision"),
    )
    test = settings.protocol
    if settings.data.source == "imagenet" and isinstance(test, EvaluationSection):
        return options._replace(
            size=test.image_size,
            resize=test.resize,
            interpolation=test.interpolation or "bilinear",
            squash=test.squash,
        )
    return options


def _read_as_file(options: DecodeOptions, file: str) -> Tensor:
    image, _ = read_image(file, options)
    if options.size is None:
        image = _fitted(image, options.width, options.height)
    return torch.from_numpy(to_pixels(image, options).copy())


def _fitted(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return the image, resized to cover width x height and centre-cropped unless it has them."""
    scale = max(width / image.width, height / image.height)
    if image.size == (width, height):
        return image
    size = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
    if image.mode in ("P", "1"):  # PIL resizes indices without smoothing
        image = image.convert("RGB" if image.mode == "P" else "L")
    resized = image.resize(size, Image.Resampling.BILINEAR)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return resized.crop((left, top, left + width, top + height))


def _read_as_array(shape: tuple[int, int, int], file: str) -> Tensor:
    image, _ = read_image(file, RGB_AS_STORED)
    options = RGB_AS_STORED._replace(channels=1 if image.mode in GREY_MODES else 3)
    pixels = torch.from_numpy(to_pixels(image, options).copy())
    return adapt(pixels[None], shape)[0]
