import json
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_built_wheel_trains_from_an_empty_folder(tmp_path: Path) -> None:
    """The wheel alone is put into an empty environment that borrows this one's packages."""
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "dist")]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True, timeout=240)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    python = _environment(tmp_path / "venv")
    install = [python, "-m", "pip", "install", "--no-deps", "--quiet", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=240)

    empty = tmp_path / "empty"
    empty.mkdir()
    where = _run(python, "-c", "import cnncompare; print(cnncompare.__file__)", cwd=empty)
    assert str(tmp_path / "venv") in where
    words = ("data=synthetic", "data.limit_train=64", "model=lenet5", "trainer.max_epochs=1")
    _run(python, "-m", "cnncompare", "-m", *words, cwd=empty)
    (record,) = empty.glob("outputs/default/*/run.json")
    assert json.loads(record.read_text())["status"] == "finished"


def _environment(folder: Path) -> str:
    """Make an environment whose packages are those of this one, cnncompare itself left out."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    (site,) = (folder / "lib").glob("python*/site-packages")
    borrowed = [path for path in map(Path, sys.path) if path.name == "site-packages"]
    (site / "borrowed.pth").write_text("".join(f"{path}\n" for path in borrowed))
    return str(python)


def _run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout
