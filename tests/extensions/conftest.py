"""A user's folder with the modules and configuration files of docs/extending.md."""

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an otherwise empty folder with the documented files."""
    for block in re.findall(r"```(?:yaml|python)\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL):
        named = re.match(r"# (\S+\.(?:yaml|py))\n", block)
        assert named
        path = tmp_path / named[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.removeprefix(named[0]))
    return tmp_path
