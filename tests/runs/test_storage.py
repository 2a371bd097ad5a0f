"""Files that are replaced at once, never through links."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cnncompare.runs.storage import write_atomically


@pytest.mark.parametrize("name", ["report.html", ".report.html.new"])
def test_a_link_is_replaced_and_its_target_kept(tmp_path: Path, name: str) -> None:
    target = tmp_path / "precious.txt"
    target.write_text("precious")
    study = tmp_path / "study"
    study.mkdir()
    (study / name).symlink_to(target)
    write_atomically(study / "report.html", b"new")
    assert target.read_text() == "precious"
    assert not (study / "report.html").is_symlink()
    assert (study / "report.html").read_bytes() == b"new"
    assert [path.name for path in study.iterdir()] == ["report.html"]


def test_the_earlier_file_is_kept_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(b"earlier")

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_atomically(path, broken())
    assert path.read_bytes() == b"earlier"
    write_atomically(path, b"later")
    assert path.read_bytes() == b"later"
