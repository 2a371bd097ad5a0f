"""Labels in a table: every usual spelling is read, every fault is named with its line."""

from pathlib import Path

import pytest
from PIL import Image

from cnncompare.data.sources.label_table import read_labelled_files
from cnncompare.errors import DataError

FILES = ("a.png", "b.png", "sub/c.png", "sub/d.png")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    (root / "sub").mkdir(parents=True)
    for name in FILES:
        Image.new("RGB", (8, 8)).save(root / name)
    return root


def write(root: Path, text: str | bytes, name: str = "labels.csv") -> str:
    path = root.parent / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


ROWS = "{a}a.png{s}cat\n{a}b.png{s}dog\n{a}sub/c.png{s}cat\n{a}sub/d.png{s}dog\n"
PLAIN = "file,label\n" + ROWS.format(a="", s=",")


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace("file,label", "Filename,CLASS"),
        PLAIN.replace("file,label", "image,target"),
        PLAIN.replace("file,label", "path , Label"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.rstrip("\n"),
        "\n" + PLAIN.replace("b.png", "\nb.png") + "\n\n",
        "\ufeff" + PLAIN,
        PLAIN.encode("utf-16"),
        PLAIN.replace("sub/c.png,cat", '"sub/c.png","cat"'),
        PLAIN.replace("sub/c.png", "sub\\c.png"),
        PLAIN.replace("a.png", "./a.png"),
        "id,label,file\n" + "".join(f"7,{'cat' if f[-5] in 'ac' else 'dog'},{f}\n" for f in FILES),
        PLAIN + "a.png,cat\n",
        "file;label;note\n" + ROWS.format(a="", s=";").replace("\n", ";1,5, or so\n"),
    ],
)
def test_usual_spellings_are_read(photos: Path, text: str | bytes) -> None:
    found = read_labelled_files(str(photos), write(photos, text))
    assert found.classes == ["cat", "dog"]
    assert found.splits == {"train": [["a.png", "sub/c.png"], ["b.png", "sub/d.png"]]}
    assert found.root == photos


def test_a_quoted_name_may_contain_the_separator_and_line_ends(photos: Path) -> None:
    (photos / "a.png").rename(photos / "a, 1.png")
    text = PLAIN.replace("a.png,cat", '"a, 1.png","cat\nor tiger"').replace("c.png,cat", "c.png,x")
    found = read_labelled_files(str(photos), write(photos, text))
    assert found.classes == ["cat\nor tiger", "dog", "x"]
    faulty = text + "sub/d.png,fox\n"
    with pytest.raises(DataError, match=r"'dog' in line 6 and 'fox' in line 7"):
        read_labelled_files(str(photos), write(photos, faulty))


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [("train", "val", "test"), ("Training", "VALID", "Test"), ("train", "dev", "testing")],
)
def test_splits_are_read_in_their_usual_spellings(
    photos: Path, train: str, val: str, test: str
) -> None:
    rows = []
    for split in (train, val, test):
        for label in ("cat", "dog"):
            Image.new("RGB", (8, 8)).save(photos / f"{split}-{label}.png")
            rows.append(f"{split}-{label}.png,{label},{split}\n")
    for name in FILES:
        (photos / name).unlink()
    found = read_labelled_files(str(photos), write(photos, "file,label,split\n" + "".join(rows)))
    assert found.splits == {
        split: [[f"{name}-cat.png"], [f"{name}-dog.png"]]
        for split, name in (("train", train), ("val", val), ("test", test))
    }


def test_the_table_is_found_in_the_root_and_its_paths_may_be_relative_to_it(photos: Path) -> None:
    (photos / "labels.csv").write_text(PLAIN)
    inside = read_labelled_files(str(photos), "labels.csv")
    beside = "file,label\n" + ROWS.format(a="photos/", s=",")
    assert read_labelled_files(str(photos), write(photos, beside)) == inside
    absolute = "file,label\n" + ROWS.format(a=f"{photos}/", s=",")
    assert read_labelled_files(str(photos), write(photos, absolute)) == inside


def test_hidden_files_and_other_files_need_no_label(photos: Path) -> None:
    (photos / ".cache").mkdir()
    for name in (".cache/a.png", "._a.png", "notes.txt"):
        (photos / name).write_bytes(b"\0")
    (photos / "sub" / "up").symlink_to(photos)
    assert read_labelled_files(str(photos), write(photos, PLAIN)).classes == ["cat", "dog"]


SPLIT = "file,label,split\na.png,cat,train\nb.png,dog,train\nsub/c.png,cat,test\nsub/d.png,dog,test"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"line 1 has no column 'file'"),
        ("file,label\n", r"has a header but no rows"),
        (PLAIN.replace("label", "kind"), r"line 1 has no column 'label' \(found: file, kind\)"),
        (ROWS.format(a="", s=","), r"line 1 has no column 'file' \(found: a\.png, cat\)"),
        ("file,path,label\na,b,c", r"line 1: columns 'file' and 'path' both name the file"),
        (PLAIN.replace("b.png,dog", "b.png"), r"line 3 has 1 fields, the header has 2"),
        (PLAIN.replace("b.png,dog", "b.png,dog,x"), r"line 3 has 3 fields, the header has 2"),
        (PLAIN.replace("b.png,dog", "b.png,"), r"line 3: the label is empty"),
        (PLAIN.replace("b.png,dog", ",dog"), r"line 3: the file is empty"),
        (PLAIN.replace("b.png,dog", 'b.png,"dog'), r"line 3 cannot be read \(unexpected end"),
        (PLAIN.encode().replace(b"dog", b"d\xf6g"), r"line 3 is not UTF-8 text"),
        (
            PLAIN + "x.png,cat\ny.png,cat\nz.png,cat\nzz.png,cat\n",
            r"4 of 8 labelled files do not exist in .*photos: x\.png \(line 6\), "
            r"y\.png \(line 7\), z\.png \(line 8\), \.\.\.$",
        ),
        (
            "file,label\na.png,cat\n",
            r"has 3 images that .*labels\.csv does not name: b\.png, sub/c\.png, sub/d\.png;",
        ),
        (PLAIN + "a.png,dog\n", r"a\.png has the label 'cat' in line 2 and 'dog' in line 6"),
        (
            SPLIT + "\na.png,cat,test",
            r"a\.png has the split 'train' in line 2 and 'test' in line 6",
        ),
        (SPLIT.replace("b.png,dog,train", "b.png,dog,fold1"), r"line 3: 'fold1' is no split"),
        (SPLIT.replace("b.png,dog,train", "b.png,dog,"), r"line 3: the split is empty"),
        (SPLIT.replace("train", "val"), r"has no row of the split train"),
        (SPLIT.replace("d.png,dog", "d.png,fox"), r"class 'fox' is in the test split but not"),
        (SPLIT.replace("d.png,dog", "d.png,cat"), r"class 'dog' is in the train split but not"),
        (PLAIN.replace("dog", "cat"), r"has 1 classes \('cat'\); at least 2 are needed"),
    ],
)
def test_faults_are_named_in_one_line(photos: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_labelled_files(str(photos), write(photos, text))
    assert "\n" not in str(caught.value)


def test_missing_tables_and_files_outside_the_root_are_named(photos: Path) -> None:
    with pytest.raises(DataError, match=r"data\.labels=none\.csv: there is no file .* or .*photos"):
        read_labelled_files(str(photos), "none.csv")
    with pytest.raises(DataError, match=r"data\.root=.*nowhere is not a folder"):
        read_labelled_files(str(photos / "nowhere"), "none.csv")
    Image.new("RGB", (8, 8)).save(photos.parent / "out.png")
    with pytest.raises(DataError, match=r"line 6: \.\./out\.png is not below data\.root="):
        read_labelled_files(str(photos), write(photos, PLAIN + "../out.png,cat\n"))
