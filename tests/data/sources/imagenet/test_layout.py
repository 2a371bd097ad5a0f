"""All layouts give the same images and labels; faults are named."""

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torchvision.datasets.imagenet as torchvisions
from timm.data import ImageNetInfo

from cnncompare.data.sources.imagenet import synsets as imagenet_synsets
from cnncompare.data.sources.imagenet.layout import detect_layout
from cnncompare.data.sources.imagenet.listing import list_images
from cnncompare.data.sources.imagenet.notes import comparability_notes
from cnncompare.data.sources.imagenet.synsets import (
    descriptions,
    distinct_class_names,
    find_wnids,
    synsets,
)
from cnncompare.errors import DataError
from tests.data.sources.imagenet.folders import (
    LABEL_FILES,
    TRUTH,
    WNIDS,
    add,
    archived,
    devkit,
    flat,
    in_wnid_folders,
    index_lines,
    jpeg,
    kaggle,
    meta,
    unpacked_devkit,
    val_name,
    wnid_lines,
)

EXPECTED = sorted((WNIDS.index(wnid), val_name(number)) for number, wnid in enumerate(TRUTH, 1))


def found(root: Path) -> list[tuple[int, str]]:
    return [(image.label, image.name) for image in list_images(detect_layout(str(root)))[0]]


def notes(root: Path) -> list[str]:
    layout = detect_layout(str(root))
    return comparability_notes(layout, *list_images(layout))


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        found(root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_synsets_equal_timms_with_and_without_importing_timm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    info = ImageNetInfo()
    for _ in range(2):
        assert list(synsets()) == info.label_names() == sorted(info.label_names())
        assert list(descriptions()) == info.label_descriptions()
        imagenet_synsets._lists.cache_clear()
        monkeypatch.setattr(imagenet_synsets, "_timm_folder", lambda: tmp_path)
    imagenet_synsets._lists.cache_clear()


def test_class_names_are_unique_and_map_back_to_wnids() -> None:
    names = distinct_class_names()
    assert names[0] == "tench"
    assert len(set(names)) == 1000
    assert "crane (n02012849)" in names
    assert find_wnids("Great_White-Shark") == ["n01484850"]
    assert find_wnids("crane") == ["n02012849", "n03126707"]
    assert find_wnids("unicorn") == []


@pytest.mark.parametrize("given", ["folder", "parent"])
def test_wnid_folders(tmp_path: Path, given: str) -> None:
    in_wnid_folders(tmp_path / "data" / "val")
    for other in ("train/airplane", "test/airplane"):  # of another data set beside it
        (tmp_path / "data" / other).mkdir(parents=True)
    assert found(tmp_path / "data" / ("val" if given == "folder" else ".")) == EXPECTED


@pytest.mark.parametrize("where", ["beside", "above"])
@pytest.mark.parametrize("label_file", LABEL_FILES)
def test_a_flat_folder_with_each_format_of_label_file(
    tmp_path: Path, label_file: Callable[[Path], Any], where: str
) -> None:
    folder = flat(tmp_path / "val")
    label_file(folder if where == "beside" else tmp_path)
    assert found(tmp_path) == found(folder) == EXPECTED


@pytest.mark.parametrize("label_file", LABEL_FILES)
def test_an_archive_with_each_format_of_label_file(
    tmp_path: Path, label_file: Callable[[Path], Any]
) -> None:
    label_file(archived(tmp_path))
    assert found(tmp_path) == found(tmp_path / "ILSVRC2012_img_val.tar") == EXPECTED


def test_an_archive_of_wnid_folders(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "sample.tar", "w") as tar:
        tar.add(in_wnid_folders(tmp_path / "val"), "val")
    assert found(tmp_path / "sample.tar") == EXPECTED


def test_images_order_and_labels_are_those_of_torchvisions_imagenet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvisions, "_verify_archive", lambda *_: None)  # of the real ones' MD5
    devkit(archived(tmp_path))
    ours = found(tmp_path)
    theirs = torchvisions.ImageNet(tmp_path, split="val")  # unpacks into val/
    assert ours == [(label, Path(file).name) for file, label in theirs.samples]
    assert [WNIDS[label] for label, _ in ours] == [Path(f).parent.name for f, _ in theirs.samples]
    assert found(tmp_path) == ours


def test_lines_belong_to_the_numbers_in_the_names_so_images_may_be_missing(tmp_path: Path) -> None:
    wnid_lines(flat(tmp_path))
    (tmp_path / val_name(2)).unlink()
    assert found(tmp_path) == [pair for pair in EXPECTED if pair[1] != val_name(2)]


def test_folders_by_number_are_sorted_as_numbers(tmp_path: Path) -> None:
    """ImageNet-V2: folders 0 to 999."""
    for number in (0, 2, 10, 999):
        (tmp_path / "v2" / str(number)).mkdir(parents=True)
        (tmp_path / "v2" / str(number) / f"{number % 3}abc.jpeg").write_bytes(jpeg(number))
    names = [(0, "0abc.jpeg"), (2, "2abc.jpeg"), (10, "1abc.jpeg"), (999, "0abc.jpeg")]
    assert found(tmp_path / "v2") == names


def test_other_files_are_ignored_and_counted(tmp_path: Path) -> None:
    folder = in_wnid_folders(tmp_path / "val")
    (folder / WNIDS[0] / "._ILSVRC2012_val_00000002.JPEG").write_text("of a Mac")
    (folder / WNIDS[0] / "notes.txt").write_text("")
    (folder / "README.txt").write_text("n01440764 is a tench")
    (folder / ".cache").mkdir()
    assert found(tmp_path) == EXPECTED
    assert "2 files that are not images are ignored" in notes(tmp_path)


def test_members_with_odd_names_are_never_unpacked(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "side"
    folder.mkdir(parents=True)
    with tarfile.open(folder / "ILSVRC2012_img_val.tar", "w") as tar:
        add(tar, "../../" + val_name(1), jpeg(1))
        add(tar, "/" + val_name(2), jpeg(2))
        link = tarfile.TarInfo(val_name(3))
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        add(tar, "val/\udcff.JPEG", jpeg(4))
    lines = "".join(f"{wnid}\n" for wnid in TRUTH[:3])
    (folder / "labels.txt").write_text(lines)
    names = {image.name for image in list_images(detect_layout(str(folder)))[0]}
    assert names == {val_name(1), val_name(2), "\udcff.JPEG"}
    assert sorted(file.name for file in tmp_path.rglob("*") if file.is_file()) == [
        "ILSVRC2012_img_val.tar",
        "labels.txt",
    ]


# ---- what stops: the labels would be wrong or unknown


def test_missing_empty_and_unrelated_folders_are_rejected(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "nowhere")
    assert "is empty; set the folder of the validation images" in refusal(tmp_path)
    (tmp_path / "holiday").mkdir()
    message = refusal(tmp_path)
    assert "no validation images of ImageNet (it has: holiday); it needs val/WNID" in message
    (tmp_path / "val").mkdir()
    assert "has a folder val/ without ImageNet images" in refusal(tmp_path)


def test_training_images_without_validation_images_are_rejected(tmp_path: Path) -> None:
    in_wnid_folders(tmp_path / "train")
    assert "has train/ but no val/" in refusal(tmp_path)


def test_a_flat_folder_without_labels_is_rejected(tmp_path: Path) -> None:
    flat(tmp_path / "val")
    message = refusal(tmp_path)
    assert "val contains images without class folders, and no file lists their classes" in message
    assert "ILSVRC2012_devkit_t12.tar.gz, LOC_val_solution.csv, val.txt" in message


def test_an_archive_without_labels_is_rejected(tmp_path: Path) -> None:
    archived(tmp_path)
    assert "ILSVRC2012_img_val.tar contains images without class folders" in refusal(tmp_path)


def test_folders_with_class_names_are_rejected(tmp_path: Path) -> None:
    for name in ("crane", "snow globe"):
        (tmp_path / "val" / name).mkdir(parents=True)
        (tmp_path / "val" / name / "1.JPEG").write_bytes(jpeg(1))
    message = refusal(tmp_path)
    assert "2 class folders by name, not by wnid" in message
    assert "'crane' would be n02012849 or n03126707; rename them" in message


def test_unknown_wnids_are_rejected(tmp_path: Path) -> None:
    folder = in_wnid_folders(tmp_path / "val")
    for wnid in ("n00004475", "n00005787", "n00006024", "n00006484"):  # of ImageNet-21k
        (folder / wnid).mkdir()
    message = refusal(tmp_path)
    assert "val has 8 class folders, 4 of which are not classes of ImageNet-1k" in message
    assert "n00004475, n00005787, n00006024 and 1 more; remove them" in message
    for number in (0, 1000):
        (tmp_path / "v2" / str(number)).mkdir(parents=True)
    assert (
        "has class folders up to 1000; their names must be indices into the sorted wnids"
        in refusal(tmp_path / "v2")
    )


def test_unknown_wnids_in_an_archive_are_rejected(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "val/n00004475/1.JPEG", jpeg(1))
    assert "1 of which are not classes of ImageNet-1k" in refusal(tmp_path / "a.tar")


@pytest.mark.parametrize("numbered", [True, False])
def test_indices_counted_from_one_are_rejected(tmp_path: Path, numbered: bool) -> None:
    flat(tmp_path)
    names = [f"{val_name(n)} " if numbered else "" for n in range(1, 7)]
    lines = [f"{name}{label}\n" for name, label in zip(names, [1, 2, 500, 1000, 7, 9], strict=True)]
    (tmp_path / "val.txt").write_text("".join(lines))
    message = refusal(tmp_path)
    assert (
        "val.txt has class numbers from 1 to 1000; they must be indices into the sorted wnids"
        in message
    )


def test_ilsvrc_ids_without_the_devkit_are_rejected(tmp_path: Path) -> None:
    unpacked_devkit(flat(tmp_path))
    (tmp_path / "ILSVRC2012_devkit_t12" / "data" / "meta.mat").unlink()
    assert "contains ILSVRC2012_IDs, which are not in the order" in refusal(tmp_path)
    (tmp_path / "meta.mat").write_bytes(meta())
    assert found(tmp_path) == EXPECTED


def find_unsorted_list(folder: Path) -> None:
    wnids = [*synsets()[500:], *synsets()[:500]]
    (folder / "synsets.txt").write_text("".join(f"{wnid} some words\n" for wnid in wnids))


def test_indices_beside_an_unsorted_class_list_are_rejected(tmp_path: Path) -> None:
    index_lines(flat(tmp_path))
    assert found(tmp_path) == EXPECTED
    (tmp_path / "LOC_synset_mapping.txt").write_text("".join(f"{wnid} x\n" for wnid in synsets()))
    assert found(tmp_path) == EXPECTED
    find_unsorted_list(tmp_path)
    message = refusal(tmp_path)
    assert "has classes by number, and" in message
    assert "synsets.txt lists them in another than the sorted order" in message


def test_numbered_folders_beside_an_unsorted_class_list_are_rejected(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / "v2" / str(number)).mkdir(parents=True)
    find_unsorted_list(tmp_path)
    assert "synsets.txt lists them in another than the sorted order" in refusal(tmp_path / "v2")


def test_contradictory_label_files_are_rejected(tmp_path: Path) -> None:
    index_lines(flat(tmp_path))
    kaggle(tmp_path)
    assert found(tmp_path) == EXPECTED
    text = (tmp_path / "val.txt").read_text()
    (tmp_path / "val.txt").write_text(text.replace("00000002.JPEG 0", "00000002.JPEG 1"))
    assert "assign different classes; remove the wrong file" in refusal(tmp_path)


def test_a_label_file_of_other_images_is_rejected(tmp_path: Path) -> None:
    flat(tmp_path)
    (tmp_path / "train.txt").write_text("n01440764_1.JPEG 0\nn01440764_2.JPEG 0\n")
    assert "train.txt has no class for 6 of 6 images" in refusal(tmp_path)
    (tmp_path / "train.txt").unlink()
    (tmp_path / "labels.txt").write_text(f"{WNIDS[0]}\n" * 5)
    assert "labels.txt has 5 lines, which do not fit the 6 images" in refusal(tmp_path)
    index_lines(tmp_path)  # one that fits is enough
    assert found(tmp_path) == EXPECTED


def test_a_label_file_with_an_unknown_class_is_rejected(tmp_path: Path) -> None:
    wnid_lines(flat(tmp_path))
    file = tmp_path / "imagenet_2012_validation_synset_labels.txt"
    file.write_text(file.read_text().replace(WNIDS[3], "n00004475"))
    assert "contains n00004475, which is not a class of ImageNet-1k" in refusal(tmp_path)


@pytest.mark.parametrize("what", ["no archive", "cut", "of something else", "no matrix"])
def test_an_invalid_devkit_is_rejected(tmp_path: Path, what: str) -> None:
    devkit(flat(tmp_path))
    kit = tmp_path / "ILSVRC2012_devkit_t12.tar.gz"
    match what:
        case "no archive":
            kit.write_text("<html>not found</html>")
        case "cut":
            kit.write_bytes(kit.read_bytes()[:200])
        case "of something else":
            with tarfile.open(kit, "w:gz") as tar:
                add(tar, "readme.txt", b"hello")
        case "no matrix":
            with tarfile.open(kit, "w:gz") as tar:
                add(tar, "data/meta.mat", b"hello" * 100)
                add(tar, "data/ILSVRC2012_validation_ground_truth.txt", b"1\n" * 6)
    expected = {
        "no archive": r"devkit_t12.tar.gz cannot be read (",
        "cut": r"devkit_t12.tar.gz cannot be read (",
        "of something else": "does not contain ILSVRC2012_validation_ground_truth.txt; provide",
        "no matrix": "cannot be read (",
    }
    assert expected[what] in refusal(tmp_path)


def test_ids_of_groups_and_unknown_ids_are_rejected(tmp_path: Path) -> None:
    unpacked_devkit(flat(tmp_path))
    file = tmp_path / "ILSVRC2012_devkit_t12" / "data" / "ILSVRC2012_validation_ground_truth.txt"
    file.write_text(file.read_text().replace("450", "1001"))
    assert "1001, which is not one of the 1,000 classes in its meta.mat" in refusal(tmp_path)


@pytest.mark.parametrize("how", ["cut in an image", "cut in a header", "compressed", "a page"])
def test_compressed_and_truncated_archives_are_rejected(tmp_path: Path, how: str) -> None:
    wnid_lines(archived(tmp_path))
    file = tmp_path / "ILSVRC2012_img_val.tar"
    content = file.read_bytes()
    match how:
        case "cut in an image":
            file.write_bytes(content[: len(content) // 2])
        case "cut in a header":
            second = 512 * (1 + -(-len(jpeg(6)) // 512))
            file.write_bytes(content[: second + 100])
        case "compressed":
            with tarfile.open(file, "w:gz") as tar:
                add(tar, val_name(1), jpeg(1))
        case "a page":
            file.write_text("<html>" * 1000)
    assert "copy or download it again" in refusal(tmp_path)


def test_an_image_in_two_classes_is_rejected(tmp_path: Path) -> None:
    folder = in_wnid_folders(tmp_path / "val")
    shutil.copy(folder / WNIDS[0] / val_name(2), folder / WNIDS[1])
    message = refusal(tmp_path)
    assert f"{val_name(2)} is in" in message
    assert f"twice: {WNIDS[0]}/{val_name(2)} and {WNIDS[1]}/{val_name(2)}" in message


def test_empty_class_folders_and_broken_links_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "val" / WNIDS[0]).mkdir(parents=True)
    assert "val contains no image (file names must end in .jpg .jpeg" in refusal(tmp_path)
    (tmp_path / "val" / WNIDS[0] / "a.JPEG").symlink_to(tmp_path / "nowhere")
    assert "a.JPEG cannot be read (No such file or directory)" in refusal(tmp_path)


# ---- what is noted: the number is only not comparable


def many(folder: Path, counts: dict[str, int], name: str = "ILSVRC2012_val_{:08}.JPEG") -> Path:
    total = 0
    for wnid, n in counts.items():
        (folder / wnid).mkdir(parents=True)
        for _ in range(n):
            total += 1
            (folder / wnid / name.format(total, wnid=wnid)).touch()
    return folder


def test_fewer_classes_are_noted(tmp_path: Path) -> None:
    assert notes(many(tmp_path, dict.fromkeys(WNIDS, 50))) == ["4 of 1,000 classes"]


def test_a_full_set_has_no_notes(tmp_path: Path) -> None:
    assert notes(many(tmp_path, dict.fromkeys(synsets(), 1))) == []


def test_missing_and_surplus_images_are_noted_by_class(tmp_path: Path) -> None:
    few, many_ = WNIDS[1], WNIDS[2]
    root = many(tmp_path, {**dict.fromkeys(synsets()[:8], 50), few: 47, many_: 52})
    assert notes(root)[1:] == [
        f"3 images missing: {few} has 47, of 50 each",
        f"2 images too many: {many_} has 52, of 50 each",
    ]


def test_training_images_are_recognised_by_their_names(tmp_path: Path) -> None:
    root = many(tmp_path, dict.fromkeys(WNIDS, 3), "{wnid}_{:05}.JPEG")
    assert notes(root)[1] == (
        "training images, according to their names (n01440764_00001.JPEG ...): "
        "accuracy is higher than on the validation set"
    )


def test_training_images_are_recognised_by_their_number(tmp_path: Path) -> None:
    root = many(tmp_path, dict.fromkeys(WNIDS[:2], 732), "{:05}.JPEG")
    assert notes(root)[1].startswith(
        "training images, according to their number (732 per class): accuracy is"
    )


def test_an_unsorted_class_list_beside_wnid_folders_is_noted(tmp_path: Path) -> None:
    in_wnid_folders(tmp_path / "val")
    find_unsorted_list(tmp_path)
    assert found(tmp_path) == EXPECTED
    assert "synsets.txt does not list the classes in sorted order" in notes(tmp_path)[-1]


def test_links_and_hidden_folders_add_no_images(tmp_path: Path) -> None:
    in_wnid_folders(tmp_path)
    folder = next(path.parent for path in sorted(tmp_path.rglob("*.JPEG")))
    (folder / "up").symlink_to("..")
    (folder / ".ipynb_checkpoints").mkdir()
    shutil.copy(next(folder.glob("*.JPEG")), folder / ".ipynb_checkpoints" / "copy.JPEG")
    (tmp_path / "__MACOSX").mkdir()
    assert found(tmp_path) == EXPECTED
    assert list_images(detect_layout(str(tmp_path)))[1] == {"link": 1, "hidden": 1}
