"""Users' modules: which files may be named, their hashes, and errors of their import."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnncompare.errors import ConfigError
from cnncompare.extensions.kinds import METRICS
from cnncompare.extensions.modules import find_module, import_own_module, module_sha256


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a folder importable, as add_user_conf does, and forget its modules afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]
    for file in tmp_path.rglob("*.py"):
        METRICS.forget(str(file))


@pytest.mark.parametrize(
    "module",
    ["os", "subprocess", "torch", "timm.optim", "cnncompare.cli", "a b", "../secret", "", "x..y"],
)
def test_code_that_is_not_the_user_s_cannot_be_named(folder: Path, module: str) -> None:
    assert find_module(module) is None
    assert module_sha256(module) is None
    with pytest.raises(ConfigError, match=f"key={module.replace('.', '[.]')}: there is no"):
        import_own_module(module, "key")


@pytest.mark.parametrize(
    ("module", "file"),
    [("mine_a", "mine_a.py"), ("pack.inner", "pack/inner.py"), ("whole", "whole/__init__.py")],
)
def test_a_module_beside_conf_is_found_and_hashed(folder: Path, module: str, file: str) -> None:
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"VALUE = 3\n")
    assert find_module(module) == path.resolve()
    assert module_sha256(module) == hashlib.sha256(b"VALUE = 3\n").hexdigest()
    assert import_own_module(module, "key") == path.resolve()


@pytest.mark.parametrize(
    ("code", "line", "error"),
    [
        ("import nothing_like_this", 3, "ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("x = (1,", 3, "SyntaxError: '(' was never closed"),
        ("raise SystemExit(3)", 3, "SystemExit: 3"),
        ("1 / 0", 3, "ZeroDivisionError: division by zero"),
    ],
)
def test_an_import_error_is_its_last_line_with_the_file(
    folder: Path, code: str, line: int, error: str
) -> None:
    file = folder / "faulty.py"
    start = "from cnncompare.extensions import register_metric\n"
    file.write_text(f'{start}register_metric("half_done")(print)\n{code}\n')
    with pytest.raises(ConfigError) as caught:
        import_own_module("faulty", "metrics.x.module")
    expected = f"metrics.x.module=faulty: {file.resolve()} line {line} cannot be imported: {error}"
    assert str(caught.value) == expected
    assert METRICS.get("half_done") is None  # a repaired module can register it


def test_a_module_hidden_by_another_of_its_name_is_refused(folder: Path) -> None:
    (folder / "json.py").write_text("")
    with pytest.raises(ConfigError, match=r"json\.py is hidden by .*json/__init__\.py of the same"):
        import_own_module("json", "key")
