"""One small data set in every form that a user may have it in, with the same pixels."""

import csv
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

PER_SPLIT = {"train": 32, "test": 8}  # images of each class


class Photo:
    """An image with its class, its split and a file name that is unique within its class."""

    def __init__(self, split: str, label: str, name: str, pixels: NDArray[np.uint8]) -> None:
        self.split, self.label, self.name, self.pixels = split, label, name, pixels

    def png(self) -> bytes:
        content = io.BytesIO()
        Image.fromarray(self.pixels).save(content, "PNG")
        return content.getvalue()


def read_photos(archive: Path) -> list[Photo]:
    """Return 32 training and 8 test images of each CIFAR-10 class, by split, class and name."""
    found: dict[tuple[str, str], list[Photo]] = {}
    n_missing = 10 * sum(PER_SPLIT.values())
    with tarfile.open(archive) as members:
        while n_missing:
            member = members.next()
            assert member is not None
            if not member.isfile():
                continue
            split, label, name = Path(member.name).parts[-3:]
            photos = found.setdefault((split, label), [])
            content = members.extractfile(member)
            if len(photos) < PER_SPLIT[split] and content is not None:
                pixels = np.asarray(Image.open(content).convert("RGB"))
                photos.append(Photo(split, label, f"{split}-{Path(name).stem}.png", pixels))
                n_missing -= 1
    photos = [photo for group in found.values() for photo in group]
    return sorted(photos, key=lambda photo: (photo.split == "test", photo.label, photo.name))


def draw_photos(n_train: int = 6, n_test: int = 3, size: int = 12) -> list[Photo]:
    """Return random images of two classes, cat and dog."""
    draws = np.random.default_rng(0)
    return [
        Photo(
            split, label, f"{split}-{i:03}.png", draws.integers(0, 256, (size, size, 3), np.uint8)
        )
        for split, n in (("train", n_train), ("test", n_test))
        for label in ("cat", "dog")
        for i in range(n)
    ]


def write_split_folders(photos: list[Photo], root: Path) -> Path:
    for photo in photos:
        folder = root / photo.split / photo.label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / photo.name).write_bytes(photo.png())
    return root


def write_class_folders(photos: list[Photo], root: Path) -> Path:
    """Write one folder per class, and the table root.csv beside it that names the splits."""
    with open(root.with_suffix(".csv"), "w", newline="") as out:
        table = csv.writer(out)
        table.writerow(("file", "label", "split"))
        for photo in photos:
            (root / photo.label).mkdir(parents=True, exist_ok=True)
            (root / photo.label / photo.name).write_bytes(photo.png())
            table.writerow((f"{photo.label}/{photo.name}", photo.label, photo.split))
    return root


def write_labelled_folder(photos: list[Photo], root: Path) -> Path:
    """Write all images into one folder, with labels.csv in another order."""
    root.mkdir()
    rows = []
    for photo in photos:
        name = f"{photo.label}-{photo.name}"
        (root / name).write_bytes(photo.png())
        rows.append(f"{name};{photo.label};{photo.split}\r\n")
    text = "".join(["\ufeffFile;Label;Split\r\n", *reversed(rows)])
    (root / "labels.csv").write_bytes(text.encode())
    return root


def write_npz(photos: list[Photo], file: Path) -> Path:
    arrays: dict[str, Any] = {}
    for split in dict.fromkeys(photo.split for photo in photos):
        chosen = [photo for photo in photos if photo.split == split]
        arrays[f"x_{split}"] = np.stack([photo.pixels for photo in chosen])
        arrays[f"y_{split}"] = np.array([photo.label for photo in chosen])
    np.savez(file, **arrays)
    return file


def schema(names: list[str] | None) -> pa.Schema:
    """Return the schema that `datasets` 4 writes for an image and a label."""
    label: dict[str, Any] = {"dtype": "string", "_type": "Value"}
    if names is not None:
        label = {"names": names, "_type": "ClassLabel"}
    features = {"image": {"_type": "Image"}, "label": label}
    return pa.schema(
        {
            "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
            "label": pa.string() if names is None else pa.int64(),
        },
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def table_of(photos: list[Photo], named: bool = True) -> pa.Table:
    """Return the images as `datasets` stores them; `named`: class numbers with names."""
    names = sorted({photo.label for photo in photos}) if named else None
    images = [{"bytes": photo.png(), "path": photo.name} for photo in photos]
    labels = [names.index(photo.label) if names else photo.label for photo in photos]
    return pa.table({"image": images, "label": labels}, schema=schema(names))


def by_split(photos: list[Photo]) -> Iterator[tuple[str, list[Photo]]]:
    for split in dict.fromkeys(photo.split for photo in photos):
        yield split, [photo for photo in photos if photo.split == split]


def write_parquet(photos: list[Photo], root: Path, named: bool = True) -> Path:
    """Write what `push_to_hub` writes; two files hold the training images."""
    (root / "data").mkdir(parents=True)
    for split, chosen in by_split(photos):
        n_files = 2 if split == "train" else 1
        bounds = np.linspace(0, len(chosen), n_files + 1).astype(int)
        for i in range(n_files):
            table = table_of(chosen, named).slice(bounds[i], bounds[i + 1] - bounds[i])
            pq.write_table(table, root / "data" / f"{split}-{i:05}-of-{n_files:05}.parquet")
    return root


def write_saved_dict(photos: list[Photo], root: Path) -> Path:
    """Write what `DatasetDict.save_to_disk` writes, and a cache file of `map` beside it."""
    root.mkdir()
    splits = list(by_split(photos))
    (root / "dataset_dict.json").write_text(json.dumps({"splits": [name for name, _ in splits]}))
    for split, chosen in splits:
        folder = root / split
        folder.mkdir()
        for name in ("data-00000-of-00001.arrow", "cache-0123456789abcdef.arrow"):
            table = table_of(chosen)
            with pa.ipc.new_stream(folder / name, table.schema) as out:
                out.write_table(table, max_chunksize=5)
        state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": split}
        (folder / "state.json").write_text(json.dumps(state))
    return root
