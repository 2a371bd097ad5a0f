"""Split tables: written and read without loss, and refused with the line of the fault."""

import os
from pathlib import Path

import pytest

from cnncompare.data.split_table import SplitRow, format_split_table, read_split_table
from cnncompare.errors import DataError

ROWS = [
    SplitRow("cat/a.png", "cat", "train"),
    SplitRow("cat/b, c.png", "cat", "val"),
    SplitRow('dog/"quoted"\nname.png', "dog", "test"),
    SplitRow(os.fsdecode(b"dog/bad\xff.png"), "dog", "train"),
    SplitRow("dog/jörg.png", "dog", "test"),
]


def test_every_file_name_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_bytes(format_split_table(ROWS))
    assert path.read_bytes().startswith(b"file,label,split\ncat/a.png,cat,train\n")
    assert b"dog/bad\xff.png" in path.read_bytes()
    assert read_split_table(str(path)) == ROWS


@pytest.mark.parametrize(
    "content",
    [
        "file,label,split\na.png,cat,train\nb.png,dog,val\n",
        "\ufefffile;label;split\r\na.png;cat;Training\r\nb.png;dog;VALID\r\n\r\n",
        "split\tfile\tlabel\ntrain\ta.png\tcat\ndev\tb.png\tdog",
        "File, Label, Split\na.png,cat,train\nb.png,dog,validation\n",
    ],
)
def test_the_usual_forms_of_a_table_are_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "split.csv").write_bytes(content.encode())
    rows = read_split_table(str(tmp_path / "split.csv"))
    assert rows == [SplitRow("a.png", "cat", "train"), SplitRow("b.png", "dog", "val")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"no column 'file' in its first line \(it has: none\)"),
        ("name,split\na.png,train\n", r"no column 'file' .* \(it has: name, split\)"),
        ("file,label\na.png,cat\n", r"no column 'split'"),
        ("file,split\na.png,train\nb.png,tarin\n", r"line 3: split 'tarin' is unknown; use train"),
        ("file,split\na.png,train,cat\n", r"line 2: 3 columns instead of 2"),
        ('file,split\n"a.png,train\n', r"cannot be read, line \d"),
        ("file,split\na,train\na,test\nb,val\nb,val\n", r"2 files more than once: a, b"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "split.csv").write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_split_table(str(tmp_path / "split.csv"))
    assert "\n" not in str(caught.value)


def test_a_binary_file_and_a_folder_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_bytes(bytes(range(256)))
    for path in (tmp_path / "split.csv", tmp_path, tmp_path / "none.csv"):
        with pytest.raises(DataError, match=r"^data\.split="):
            read_split_table(str(path))
