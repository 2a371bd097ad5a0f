"""ImageNet's validation set, or a set with the same classes, as a test split."""

import torch

from cnncompare.config.data import DataConfig
from cnncompare.data.decode import DecodeOptions
from cnncompare.data.files import ImageFiles
from cnncompare.data.source import Source, full_split
from cnncompare.data.sources.imagenet.layout import Layout, detect_layout
from cnncompare.data.sources.imagenet.listing import ListedImage, list_images
from cnncompare.data.sources.imagenet.notes import comparability_notes
from cnncompare.data.sources.imagenet.synsets import distinct_class_names, synsets
from cnncompare.models.pretrained.transforms import Transform


def load_imagenet(config: DataConfig, transform: Transform) -> Source:
    """Return the images below `data.root` without decoding, in order of class and file name.

    The classes are always the 1,000 sorted wnids, in the order of the networks' outputs. The keys
    for the fingerprint are base name and size in bytes, so that it is the same for class folders, a
    flat folder and an archive of the same images. Raises DataError if labels are missing or
    ambiguous.
    """
    layout = detect_layout(config.root or "")
    listed, others = list_images(layout)
    images = _image_files(layout, listed, transform)
    keys = [f"{image.name}\0{image.bytes}\n".encode(errors="surrogateescape") for image in listed]
    return Source(
        classes=list(synsets()),
        shape=images.options[:3],
        train=None,
        test=full_split(images, torch.tensor([image.label for image in listed]), keys),
        class_names=distinct_class_names(),
        notes=comparability_notes(layout, listed, others),
        ignored_files=dict(others),
    )


def _image_files(layout: Layout, listed: list[ListedImage], transform: Transform) -> ImageFiles:
    return ImageFiles(
        root=layout.location,
        files=[image.path for image in listed],
        bytes=[image.bytes for image in listed],
        mtimes_ns=[image.mtime_ns for image in listed],
        options=DecodeOptions(
            channels=3,
            height=transform.crop,
            width=transform.crop,
            size=transform.crop,
            reference_file="",
            resize=transform.resize,
            interpolation=transform.interpolation,
            squash=transform.squash,
            as_pretrained=True,
        ),
        starts=[image.start for image in listed] if layout.kind == "archive" else None,
    )
