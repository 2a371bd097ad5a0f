"""ImageNet's validation images, or a set like it: tested on, never trained on."""

import torch

from cnncompare.config.data import DataConfig
from cnncompare.data.decode import Form
from cnncompare.data.files import ImageFiles
from cnncompare.data.source import Source, full_split
from cnncompare.data.sources.imagenet.layout import detect_layout, list_images
from cnncompare.data.sources.imagenet.notes import notes_of
from cnncompare.data.sources.imagenet.synsets import class_names, synsets
from cnncompare.models.pretrained.transforms import Transform


def imagenet(config: DataConfig, transform: Transform) -> Source:
    """Return the images below `data.root`, not decoded yet, in order of class and file name.

    The classes are always the 1,000 wnids, sorted: the outputs of the networks. The fingerprint's
    keys are base name and size in bytes, so that it is the same for folders, a flat folder and an
    archive of the same images. Raises DataError for labels that would be wrong or unknown.
    """
    layout = detect_layout(config.root or "")
    found, others = list_images(layout)
    form = Form(
        channels=3,
        height=transform.crop,
        width=transform.crop,
        size=transform.crop,
        like="",
        resize=transform.resize,
        interpolation=transform.interpolation,
        squash=transform.squash,
    )
    images = ImageFiles(
        root=layout.place,
        files=[image.path for image in found],
        bytes=[image.bytes for image in found],
        mtimes_ns=[image.mtime_ns for image in found],
        form=form,
        starts=[image.start for image in found] if layout.kind == "archive" else None,
    )
    keys = [f"{image.name}\0{image.bytes}\n".encode(errors="surrogateescape") for image in found]
    return Source(
        classes=list(synsets()),
        shape=images.form[:3],
        train=None,
        test=full_split(images, torch.tensor([image.label for image in found]), keys),
        class_names=class_names(),
        notes=notes_of(layout, found, others),
    )
