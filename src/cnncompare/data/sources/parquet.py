"""Images and labels in Parquet or Arrow files as Hugging Face `datasets` writes them."""

from itertools import accumulate
from pathlib import Path

import torch

from cnncompare.config.data import DataConfig
from cnncompare.data.decode import ArchiveMember, DecodeOptions, read_size
from cnncompare.data.files import ImageFiles
from cnncompare.data.source import Source, Split
from cnncompare.data.sources.class_coverage import check_classes, name_classes
from cnncompare.data.sources.image_archive import TableIndex, copy_to_archive
from cnncompare.data.sources.image_tables import find_tables
from cnncompare.data.sources.table_columns import choose_columns


def load_parquet(config: DataConfig) -> Source:
    """Return the images of `data.root` without decoding, in the order of files and rows.

    The classes have the order of the stored class names; without them, the order of the sorted
    labels. Raises ConfigError without the package that reads the tables, and DataError if images or
    labels cannot be read or do not fit together.
    """
    root = config.root or ""
    tables = find_tables(root)
    columns = choose_columns(tables, config.labels)
    archive, index = copy_to_archive(tables, columns, config.cache_dir)
    values = sorted(set(index.labels))
    classes = name_classes(values, columns.classes, root)
    number = {value: i for i, value in enumerate(values)}
    images = _image_files(archive, index, config)
    hashes = zip(index.files, index.sha256s, strict=True)
    keys = [f"{file}\0{sha256}\n".encode() for file, sha256 in hashes]
    splits, numbers = {}, torch.tensor([number[label] for label in index.labels])
    for split in dict.fromkeys(index.splits):
        rows = torch.tensor([row for row, name in enumerate(index.splits) if name == split])
        splits[split] = Split(images, numbers[rows], rows, keys)
    check_classes(
        root, {name: {classes[i] for i in split.labels.tolist()} for name, split in splits.items()}
    )
    return Source(
        classes, images.options[:3], splits["train"], splits.get("test"), splits.get("val")
    )


def _image_files(archive: Path, index: TableIndex, config: DataConfig) -> ImageFiles:
    starts = [0, *accumulate(index.sizes)][:-1]
    first = ArchiveMember(str(archive), index.files[0], starts[0], index.sizes[0])
    size, channels = config.image_size, config.channels or 3
    width, height = (size, size) if size is not None else read_size(first)
    return ImageFiles(
        root=archive,
        files=index.files,
        bytes=index.sizes,
        mtimes_ns=[0] * len(index.files),  # the archive's name changes with its content
        options=DecodeOptions(
            channels,
            height,
            width,
            size,
            reference_file=str(first),
            resize=config.resize,
            interpolation=config.interpolation or "bilinear",
        ),
        starts=starts,
    )
