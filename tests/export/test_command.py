"""The command export: its formats, its verification and its answers to mistakes."""

import json
import re
import shlex
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models

from cnncompare import cli, load
from cnncompare.config.compose import compose_config
from cnncompare.export import writers
from cnncompare.export.formats import FORMATS
from cnncompare.export.graph import NormalizedNetwork
from cnncompare.inference.network import load_network
from cnncompare.runs.run import Run
from cnncompare.stats.intervals import wilson
from cnncompare.training.build import build_data, find_pretrained_reference
from tests.conftest import HAS_SOURCES, ROOT
from tests.inference.conftest import DIGITS, QUICK, run_code, train_in
from tests.models.test_contract import networks
from tests.runs.edits import forget_checksums

GRAPHS = ("onnx", "torchscript")


def export(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.run(["export", *map(str, arguments)])
    return (code, *capsys.readouterr())


def pixels_of(run: Run) -> np.ndarray[Any, Any]:
    """Return the run's test images as pixels in [0, 1], float32 [N, C, H, W]."""
    config = compose_config([], run.folder)
    data = build_data(config, find_pretrained_reference(config))
    data.prepare()
    return data.test_images(range(data.n_test)).numpy().astype(np.float32) / 255


def logits_of(name: str, file: Path, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if name == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        return np.asarray(session.run(None, {"images": pixels})[0])
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore", FutureWarning)
        return np.asarray(torch.jit.load(file)(torch.from_numpy(pixels)))


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("fixture", ["lenet", "mobilenet"])
def test_a_graph_gives_the_classes_of_the_record_from_pixels(
    name: str,
    fixture: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run: Run = request.getfixturevalue(fixture)
    file = tmp_path / "network"
    code, out, err = export(capsys, run.folder, "--to", name, "--out", file, "--json")
    assert (code, err) == (0, "")
    summary, n = json.loads(out), run.record.test.n
    assert summary["n"] == summary["same_top1"] == summary["same_as_record"] == n
    assert 0 < summary["max_logit_difference"] < 1e-3
    pixels = pixels_of(run)
    logits = logits_of(name, file, pixels)
    assert (logits.argmax(axis=1) == run.predictions().top5[:, 0]).all()
    for size in (1, 7):  # the batch is dynamic
        np.testing.assert_allclose(
            logits_of(name, file, pixels[:size]), logits[:size], rtol=1e-3, atol=1e-4
        )
    assert {path.name for path in tmp_path.iterdir()} == {"network", "network.md"}


def test_resnet20_with_averaged_and_trimmed_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train_in(
        tmp_path, "model=resnet20", *DIGITS, "trainer.trim_kernels=true", "trainer.ema_decay=0.9"
    )
    for name in FORMATS:
        code, out, _ = export(capsys, run.folder, "--to", name, "--json")
        assert code == 0
        assert Path(json.loads(out)["file"]).parent == run.folder
        assert json.loads(out)["same_as_record"] == 50


def _stored_metadata(name: str, file: Path) -> dict[str, str]:
    if name == "onnx":
        import onnx

        return {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    if name == "safetensors":
        from safetensors import safe_open

        with safe_open(file, "pt") as content:
            return dict(content.metadata())
    files = {"metadata.json": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.load(file, _extra_files=files)
    return dict(json.loads(files["metadata.json"]))


@pytest.mark.parametrize("name", ["onnx", "torchscript", "safetensors"])
def test_the_metadata_hold_classes_and_origin(
    name: str, lenet: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "network"
    export(capsys, lenet.folder, "--to", name, "--out", file)
    found = _stored_metadata(name, file)
    record = lenet.record
    assert json.loads(found["class_names"]) == lenet.classes
    assert found["run"] == record.id
    assert found["config_hash"] == record.config_hash
    assert found["fingerprint"] == record.data.fingerprint
    assert json.loads(found["versions"])["torch"] == torch.__version__
    assert found["command"] == shlex.join(record.environment.argv)
    assert float(found["acc1"]) == record.test.acc1
    assert str(Path(torch.__file__).parent).encode() not in file.read_bytes()  # no local paths


@pytest.mark.parametrize("name", ["state_dict", "safetensors"])
def test_torchvision_loads_the_weights(
    name: str, mobilenet: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "weights"
    assert export(capsys, mobilenet.folder, "--to", name, "--out", file)[0] == 0
    if name == "safetensors":
        from safetensors.torch import load_file

        weights = load_file(file)
    else:
        weights = torch.load(file, weights_only=True)
    network = models.mobilenet_v2(num_classes=6).eval()
    network.load_state_dict(weights, strict=True)
    settings = mobilenet.record.settings
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (settings.mean, settings.std))
    with torch.inference_mode():
        logits = network((torch.from_numpy(pixels_of(mobilenet)) - mean) / std)
    assert logits.argmax(dim=1).tolist() == mobilenet.predictions().top5[:, 0].tolist()


def test_timm_loads_the_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import timm

    run = train_in(
        tmp_path,
        *("model=timm", "model.name=resnet10t", "model.stem=imagenet", *DIGITS),
        *("data.image_size=64", "data.channels=3"),
    )
    assert export(capsys, run.folder, "--to", "state_dict", "--out", tmp_path / "w.pth")[0] == 0
    network = timm.create_model("resnet10t", num_classes=10)
    network.load_state_dict(torch.load(tmp_path / "w.pth", weights_only=True), strict=True)


def test_the_card_states_accuracy_data_and_origin(
    lenet: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = export(capsys, lenet.folder, "--to", "state_dict", "--out", tmp_path / "a.pth")
    assert code == 0
    assert "same class to 50 of 50 test images" in out
    card = (tmp_path / "a.pth.md").read_text()
    test, record = lenet.record.test, lenet.record
    interval = wilson(test.correct1 or 0, test.n or 0)
    assert f"Top-1 on the test images is {100 * test.acc1:.1f} %" in card
    assert f"(95 % interval {100 * interval.low:.1f} to {100 * interval.high:.1f} %" in card
    for expected in (
        *("license:", "## Licence", "data set: digits", "same class to 50 of 50 test images"),
        *(record.id, record.data.fingerprint, shlex.join(record.environment.argv)),
        f"torch {torch.__version__}",
    ):
        assert expected in card


def _with_statistics(mean_change: float, std_factor: float) -> type[nn.Module]:
    class Planted(NormalizedNetwork):
        def __init__(self, network: nn.Module, mean: list[float], std: list[float]) -> None:
            changed = [value + mean_change for value in mean]
            super().__init__(network, changed, [value * std_factor for value in std])

    return Planted


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("planted", [(0.0, 1.02), (0.01, 1.0), (0.0, 255.0)])
def test_a_wrong_normalisation_is_caught(
    name: str,
    planted: tuple[float, float],
    lenet: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(writers, "NormalizedNetwork", _with_statistics(*planted))
    code, out, err = export(capsys, lenet.folder, "--to", name, "--out", tmp_path / "network")
    assert (code, out) == (1, "")
    assert "network was not written: " in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["state_dict", "safetensors"])
def test_wrong_weights_are_caught(
    name: str,
    lenet: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rounded = {k: v.bfloat16().float() for k, v in load(lenet.folder).model().state_dict().items()}
    monkeypatch.setattr(writers, "_weights", lambda network: rounded)
    code, _, err = export(capsys, lenet.folder, "--to", name, "--out", tmp_path / "network")
    assert (code, list(tmp_path.iterdir())) == (1, [])
    assert "was not written: its tensor" in err


def test_a_checkpoint_of_another_training_is_caught(
    lenet: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(lenet.folder, folder)
    forget_checksums(folder)
    path = folder / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"] = {k: -v for k, v in checkpoint["state_dict"].items()}
    torch.save(checkpoint, path)
    code, _, err = export(capsys, folder, "--to", "state_dict", "--out", tmp_path / "a.pth")
    assert code == 1
    assert "of 50 test images another class than predictions.npz holds" in err
    assert not list(tmp_path.glob("*.pth*"))


def test_a_checkpoint_that_changed_after_the_run_is_refused(
    lenet: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(lenet.folder, folder)
    path = folder / "checkpoints" / "best.ckpt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    code, _, err = export(capsys, folder, "--to", "state_dict", "--out", tmp_path / "a.pth")
    assert (code, err.count("\n")) == (2, 1)
    assert "best.ckpt: does not match its checksum in run.json" in err
    assert not list(tmp_path.glob("*.pth*"))


class WithBessel(nn.Module):
    """A network with an operator that ONNX lacks."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits = self.network(images)
        changed: torch.Tensor = logits + 0 * torch.special.bessel_j0(logits)
        return changed


def test_an_operator_that_onnx_lacks_is_named(
    lenet: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "cnncompare.export.export.load_network",
        lambda *arguments: WithBessel(load_network(*arguments)).eval(),
    )
    code, _, err = export(capsys, lenet.folder, "--to", "onnx", "--out", tmp_path / "a.onnx")
    assert code == 2
    assert err == (
        "cnncompare: lenet5 cannot be exported to ONNX, which lacks its operator prims.bessel_j0\n"
    )
    assert not list(tmp_path.iterdir())
    assert export(capsys, lenet.folder, "--to", "torchscript", "--out", tmp_path / "a.pt")[0] == 0


def test_changed_test_images_are_refused(
    lenet: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(lenet.folder, folder)
    forget_checksums(folder)
    text = (folder / "config.yaml").read_text()
    assert "limit_test: 50" in text
    (folder / "config.yaml").write_text(text.replace("limit_test: 50", "limit_test: 49"))
    code, _, err = export(capsys, folder, "--to", "state_dict", "--out", tmp_path / "a.pth")
    assert code == 2
    assert "have changed: their fingerprint is" in err
    assert not list(tmp_path.glob("*.pth*"))


def test_an_existing_file_needs_force(
    lenet: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.pth"
    file.write_text("mine")
    code, _, err = export(capsys, lenet.folder, "--to", "state_dict", "--out", file)
    assert (code, file.read_text()) == (2, "mine")
    assert "exists; add --force" in err
    assert export(capsys, lenet.folder, "--to", "state_dict", "--out", file, "--force")[0] == 0
    torch.load(file, weights_only=True)


def without_torch(*arguments: Any, missing: str = "torch") -> subprocess.CompletedProcess[str]:
    """Run export in a process in which neither torch nor the packages can be imported."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import cnncompare.export.formats as formats; find = formats.find_spec\n"
        f"formats.find_spec = lambda name: None if name in {missing.split()!r} else find(name)\n"
        "from cnncompare.cli import run; sys.exit(run(['export', *sys.argv[1:]]))"
    )
    return run_code(code, *arguments)


def test_mistakes_are_answered_in_one_line_before_torch_is_imported(
    lenet: Run, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("a", "b"):
        shutil.copytree(lenet.folder, tmp_path / "study" / name)
    failed = tmp_path / "failed"
    shutil.copytree(lenet.folder, failed)
    record = json.loads((failed / "run.json").read_text())
    record |= {"status": "failed", "error": {"type": "KeyError", "message": "'x'"}}
    (failed / "run.json").write_text(json.dumps(record))
    run, missing = lenet.folder, "onnx onnxruntime"
    for arguments, expected in (
        ((run,), "--to"),
        ((run, "--to", "onxx"), "--to onxx is unknown; did you mean 'onnx'?"),
        ((run, "--to", "onnx"), "needs onnx, onnxruntime: pip install 'cnncompare[onnx]'"),
        ((failed, "--to", "onnx"), "the run is failed (KeyError: 'x'), not finished"),
        ((tmp_path / "empty", "--to", "onnx"), "there is no run in"),
        ((tmp_path / "nothing", "--to", "onnx"), "is not a folder"),
        ((tmp_path / "study", "--to", "onnx"), "contains 2 runs; give the folder of one, such as"),
        ((run, "--to", "state_dict", "--out", tmp_path / "no" / "a"), "there is no folder"),
        ((run, "--to", "state_dict", "--out", tmp_path), "is a folder"),
    ):
        done = without_torch(*arguments, missing=missing)
        assert done.returncode == 2, (arguments, done.stderr)
        assert expected in done.stderr, arguments
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.stdout == ""


def test_a_study_of_one_run_is_that_run(
    lenet: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.pth"
    _, out, _ = export(capsys, lenet.folder.parent, "--to", "state_dict", "--out", file, "--json")
    assert json.loads(out)["run"] == lenet.record.id


@pytest.mark.slow
@pytest.mark.parametrize("name", networks())
def test_every_network(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = train_in(
        tmp_path,
        *(f"model={name}", "data=synthetic", "data.synthetic.classes=6", *QUICK),
        *("data.limit_train=60", "data.limit_test=12", "data.batch_size=16", "optimizer.lr=1e-4"),
    )
    for format_name in FORMATS:
        file = tmp_path / format_name
        code, out, err = export(capsys, run.folder, "--to", format_name, "--out", file, "--json")
        assert code == 0, err
        assert json.loads(out)["same_top1"] == 12


@pytest.mark.slow
def test_a_compiled_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = train_in(tmp_path, "model=lenet5", *DIGITS, "trainer.compile=true")
    for name in FORMATS:
        assert export(capsys, run.folder, "--to", name, "--out", tmp_path / name)[0] == 0


def test_the_documented_lines_give_the_class_of_the_record(
    lenet: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not HAS_SOURCES:
        pytest.skip("the documentation is not installed")
    page = (ROOT / "docs" / "export.md").read_text()
    (code,) = re.findall(r"```python\n(import json\n.*?)```", page, flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 10
    assert "torch" not in code
    export(capsys, lenet.folder, "--to", "onnx", "--out", tmp_path / "lenet5.onnx")
    monkeypatch.chdir(tmp_path)
    found = []
    images = (pixels_of(lenet)[:10] * 255).round().astype(np.uint8)
    for image in images:
        Image.fromarray(image[0]).save("digit.png")
        exec(compile(code, "export.md", "exec"), {})
        found.append(capsys.readouterr().out.strip())
    assert found == [lenet.classes[i] for i in lenet.predictions().top5[:10, 0]]
