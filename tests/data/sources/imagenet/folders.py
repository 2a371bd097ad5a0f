"""Small folders in ImageNet's layouts, with random images and the files of the devkit."""

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import savemat

WNIDS = ["n01440764", "n01443537", "n01484850", "n01491361"]  # the first four, sorted
IDS = {"n01440764": 449, "n01443537": 450, "n01484850": 442, "n01491361": 1}  # of the devkit
GROUP = "n02084071"  # dog: a group of classes, ILSVRC2012_ID 1001
# class of each image, in the order of the file names
TRUTH = [WNIDS[2], WNIDS[0], WNIDS[3], WNIDS[0], WNIDS[1], WNIDS[2]]


def val_name(number: int) -> str:
    return f"ILSVRC2012_val_{number:08}.JPEG"


def jpeg(number: int, size: tuple[int, int] = (40, 36), mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(content, "JPEG", quality=90)
    return content.getvalue()


def in_wnid_folders(folder: Path) -> Path:
    for number, wnid in enumerate(TRUTH, 1):
        (folder / wnid).mkdir(parents=True, exist_ok=True)
        (folder / wnid / val_name(number)).write_bytes(jpeg(number))
    return folder


def flat(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, len(TRUTH) + 1):
        (folder / val_name(number)).write_bytes(jpeg(number))
    return folder


def archived(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "ILSVRC2012_img_val.tar", "w") as tar:
        for number in reversed(range(1, len(TRUTH) + 1)):  # any order will do
            add(tar, val_name(number), jpeg(number))
    return folder


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def meta() -> bytes:
    """Return a meta.mat like the devkit's: a column of structures, groups after the classes."""
    fields = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("gloss", "O")]
    fields += [("num_children", "O"), ("children", "O"), ("wordnet_height", "O")]
    rows: list[tuple[Any, ...]] = [
        (number, wnid, "words", "gloss", 0, [], 0) for wnid, number in IDS.items()
    ]
    rows.append((1001, GROUP, "dog", "gloss", 4, [449, 450, 442, 1], 1))
    synsets = np.empty((len(rows), 1), dtype=fields)
    for index, row in enumerate(rows):
        synsets[index, 0] = row
    content = io.BytesIO()
    savemat(content, {"synsets": synsets})  # type: ignore[arg-type]  # takes files, too
    return content.getvalue()


def ground_truth() -> str:
    return "".join(f"{IDS[wnid]}\n" for wnid in TRUTH)


def devkit(folder: Path) -> None:
    with tarfile.open(folder / "ILSVRC2012_devkit_t12.tar.gz", "w:gz") as tar:
        data = "ILSVRC2012_devkit_t12/data"
        add(tar, f"{data}/meta.mat", meta())
        add(tar, f"{data}/ILSVRC2012_validation_ground_truth.txt", ground_truth().encode())


def wnid_lines(folder: Path) -> None:
    lines = "".join(f"{wnid}\n" for wnid in TRUTH)
    (folder / "imagenet_2012_validation_synset_labels.txt").write_text(lines)


def index_lines(folder: Path) -> None:
    lines = [f"{val_name(n)} {WNIDS.index(wnid)}\n" for n, wnid in enumerate(TRUTH, 1)]
    (folder / "val.txt").write_text("".join(lines))


def kaggle(folder: Path) -> None:
    lines = ["ImageId,PredictionString\n"]
    for number, wnid in enumerate(TRUTH, 1):
        lines.append(f"{Path(val_name(number)).stem},{wnid} 85 1 499 272 {wnid} 1 2 3 4 \n")
    (folder / "LOC_val_solution.csv").write_text("".join(lines[:1] + lines[:0:-1]))


def unpacked_devkit(folder: Path) -> None:
    data = folder / "ILSVRC2012_devkit_t12" / "data"
    data.mkdir(parents=True)
    (data / "meta.mat").write_bytes(meta())
    (data / "ILSVRC2012_validation_ground_truth.txt").write_text(ground_truth())


LABEL_FILES = [devkit, unpacked_devkit, wnid_lines, index_lines, kaggle]
