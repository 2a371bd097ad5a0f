"""The commands of each tutorial, run in their order in an empty folder, on small stand-ins."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.conftest import HAS_SOURCES, ROOT

Call = Callable[..., subprocess.CompletedProcess[str]]
TUTORIALS = ROOT / "docs" / "tutorials"
SMALL = (
    *("trainer.max_epochs=3", "trainer.accelerator=cpu", "trainer.threads=1"),
    *("data.limit_train=256", "data.limit_test=100", "data.batch_size=16", "optimizer=adamw"),
)
STAND_INS = {"data=cifar10": "data=digits"}  # where a page names what is downloaded
CIFAR = ("data=folder", "data.root=cifar10", "data.cache_dir=cache", *SMALL)
IMAGES_OF_A_CLASS = 40  # of CIFAR-10, in each split

pytestmark = pytest.mark.skipif(not HAS_SOURCES, reason="the documentation is not installed")


def blocks(page: str, language: str) -> list[str]:
    text = (TUTORIALS / f"{page}.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(page: str) -> list[list[str]]:
    """Return the arguments of each command that a reader runs."""
    lines = [shlex.split(line) for block in blocks(page, "bash") for line in block.splitlines()]
    assert all(words[:3] == ["python", "-m", "cnncompare"] for words in lines)
    return [words[3:] for words in lines]


def run_page(page: str, cnncompare: Call, *small: str) -> list[str]:
    """Run a tutorial's commands, small where they train, and return what each printed."""
    printed = []
    for words in commands(page):
        trains = words[0] in ("-m", "plan")
        words = [STAND_INS.get(word, word) for word in words]
        done = cnncompare(*words, *(small if trains else ()), timeout=1500)
        assert done.returncode == 0, (words, done.stderr)
        printed.append(done.stdout)
    return printed


def records(study: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted(study.glob("*/run.json"))]


def labels(study: Path) -> list[str]:
    """Return the label of each run; all of them have to be finished."""
    found = records(study)
    assert {record["status"] for record in found} == {"finished"}
    return sorted(str(record["label"]) for record in found)


@pytest.fixture
def cifar(shared_data: Path, tmp_path: Path) -> Path:
    """Write some images of CIFAR-10 into the folder cifar10, and return the folder above.

    Each class has a colour of its own, which is learned from a few images.
    """
    counts: dict[Path, int] = {}
    with tarfile.open(shared_data / "cifar10-jpeg.tar.xz") as archive:
        for member in archive:
            path = tmp_path / "cifar10" / member.name
            if not member.isfile() or counts.get(path.parent, 0) == IMAGES_OF_A_CLASS:
                continue
            content = archive.extractfile(member)
            assert content is not None
            path.parent.mkdir(parents=True, exist_ok=True)
            counts[path.parent] = counts.get(path.parent, 0) + 1
            write_tinted(content.read(), path)
    assert set(counts.values()) == {IMAGES_OF_A_CLASS}
    assert len(counts) == 20
    return tmp_path


def write_tinted(jpeg: bytes, path: Path) -> None:
    hue = sum(path.parent.name.encode()) * 37 % 256  # of the class
    image = Image.open(BytesIO(jpeg)).convert("RGB")
    tint = Image.new("HSV", image.size, (hue, 255, 255)).convert("RGB")
    Image.blend(image, tint, 0.5).save(path, quality=95)


@pytest.fixture
def digit(tmp_path: Path) -> None:
    """Draw a seven, as the class would."""
    canvas = Image.new("L", (160, 160))
    ImageDraw.Draw(canvas).line([(48, 36), (112, 36), (76, 126)], fill=255, width=20)
    canvas.save(tmp_path / "digit.png")


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_cifar10_in_an_evening(cifar: Path, cnncompare: Call) -> None:
    printed = run_page("cifar10", cnncompare, *CIFAR)
    assert "9 of 9 jobs to run" in printed[0]
    assert "9 finished" in printed[1]
    assert "9 finished" in printed[2]
    assert "3 finished" in printed[4]  # the fourth network alone is trained
    study = cifar / "outputs" / "evening"
    assert labels(study) == sorted(["lenet5", "quicknet", "resnet20", "squeezenet1_1"] * 3)
    assert (study / "report.html").exists()


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_table_for_a_paper(cifar: Path, cnncompare: Call) -> None:
    _, _, numbers = run_page("paper", cnncompare, *CIFAR)
    study = cifar / "outputs" / "paper"
    assert labels(study) == sorted(["lenet5", "quicknet", "resnet20"] * 5)
    (table,) = json.loads(numbers)["tables"]
    assert {group["n_runs"] for group in table["groups"]} == {5}
    (code,) = blocks("paper", "python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cifar, capture_output=True, text=True, check=True
    )
    assert {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines()[2:]} == {
        "lenet5": "5",
        "quicknet": "5",
        "resnet20": "5",
    }
    compile_document(cifar)


def compile_document(folder: Path) -> None:
    """Compile the page's document, without booktabs where only texlive-latex-base is installed."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    (document,) = [block for block in blocks("paper", "latex") if "documentclass" in block]
    found = subprocess.run(["kpsewhich", "booktabs.sty"], capture_output=True, check=False)
    if found.returncode:
        document = document.replace("\\usepackage{booktabs}\n", "")
    (folder / "paper.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    compiled = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert compiled.returncode == 0, compiled.stdout
    assert "Overfull" not in compiled.stdout
    assert (folder / "paper.pdf").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_lesson(digit: None, tmp_path: Path, cnncompare: Call) -> None:
    printed = run_page("lesson", cnncompare, *SMALL)
    (quoted,) = [block for block in blocks("lesson", "text") if "features.0" in block]
    assert quoted.split() == printed[0][printed[0].index("Image 1x32x32") :].split()[:-2]
    assert "4 finished" in printed[1]
    assert "2 finished, 4 skipped" in printed[3]  # the third seed of each
    assert "needs a third seed" in printed[2]
    assert "needs a third seed" not in printed[4]
    assert "digit.png" in printed[5]
    for page in ("lenet5.html", "digit.html", "outputs/lesson/report.html"):
        assert (tmp_path / page).exists()


def cluster_settings() -> str:
    (text,) = [block for block in blocks("cluster", "yaml") if "hydra/launcher" in block]
    return text


def write_settings(folder: Path, text: str) -> None:
    path = folder / "conf" / "hydra" / "launcher" / "cluster.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def check_cluster(folder: Path, cnncompare: Call) -> None:
    """Run the page with the settings in the folder."""
    data, jobs, sweep, status, report = run_page(
        "cluster", cnncompare, "data=digits", "data.image_size=16", *SMALL
    )
    assert "1,797" in data
    assert jobs.count("# job ") == 6
    assert "6 finished" in sweep
    assert "6 finished" in status
    assert "report.html" in report
    assert labels(folder / "outputs" / "cluster") == ["lenet5"] * 3 + ["quicknet"] * 3


def test_the_settings_of_the_cluster_are_those_of_its_jobs(
    tmp_path: Path, cnncompare: Call
) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    write_settings(tmp_path, cluster_settings())
    done = cnncompare("--cfg", "hydra", "hydra/launcher=cluster", "data=digits", "model=lenet5")
    assert done.returncode == 0, done.stderr
    for line in ("partition: gpu", "gres: gpu:1", "timeout_min: 60", "max_num_timeout: 20"):
        assert f"    {line}\n" in done.stdout
    assert "submitit_launcher.SlurmLauncher" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_cluster_of_this_machine(tmp_path: Path, cnncompare: Call) -> None:
    """Submitit's own processes stand in for Slurm's jobs."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    write_settings(tmp_path, "defaults: [submitit_local, _self_]\ntimeout_min: 60\n")
    check_cluster(tmp_path, cnncompare)


@pytest.mark.slurm
@pytest.mark.timeout(3000)
def test_a_cluster(tmp_path: Path, cnncompare: Call) -> None:
    """Slurm's node of this machine has no GPU, one partition and little memory."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    small = {"partition: gpu": "partition: main", "gres: gpu:1": "gres: null",
             "cpus_per_task: 8": "cpus_per_task: 1", "mem_gb: 16": "mem_gb: 2"}  # fmt: skip
    text = cluster_settings()
    for documented, used in small.items():
        assert documented in text
        text = text.replace(documented, used)
    write_settings(tmp_path, text)
    check_cluster(tmp_path, cnncompare)
