"""Filters, feature maps and dead filters of a run."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from cnncompare.errors import DataError, ModelError
from cnncompare.explain.command import main
from cnncompare.explain.subject import find_subject
from cnncompare.explain.trained import read_trained
from cnncompare.inference.network import load_network
from cnncompare.inference.saved_settings import saved_settings
from cnncompare.runs.run import Run
from tests.inference.conftest import DIGITS, train_in


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train_in(tmp_path_factory.mktemp("outputs"), "model=lenet5", *DIGITS)


def test_json_adds_filters_and_dead_filters(
    trained_run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lenet5", "--of", str(trained_run.folder), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["run"] == trained_run.record.id
    assert trained_run.record.model is not None
    assert content["params"] == trained_run.record.model.params
    assert content["macs"] == trained_run.record.model.macs
    assert content["first_layer"] == {"name": "features.0", "shape": [6, 1, 5, 5]}
    assert trained_run.record.data is not None
    assert content["n_val"] == trained_run.record.data.n_val
    assert [layer["filters"] for layer in content["dead_filters"]] == [6, 16]
    assert content["dead_filters_share"] == 0


def test_feature_maps_are_those_of_the_image(trained_run: Run, tmp_path: Path) -> None:
    file = tmp_path / "digit.png"
    pixels = torch.randint(0, 256, (32, 32), dtype=torch.uint8)
    Image.fromarray(pixels.numpy()).save(file)
    settings = saved_settings(trained_run)
    side = settings.built.input_size[1]
    pixels = torch.randint(0, 256, (side, side), dtype=torch.uint8)
    Image.fromarray(pixels.numpy()).save(file)
    trained = read_trained(find_subject("lenet5"), trained_run, str(file))
    assert trained.image is not None
    assert torch.equal(trained.image[0], pixels)
    mean, sd = settings.protocol.mean[0], settings.protocol.std[0]
    network = load_network(trained_run, settings)
    normal = (pixels.float() / 255 - mean) / sd
    with torch.no_grad():
        expected = network.get_submodule("features.0")(normal[None, None]).tanh()[0]
    assert torch.allclose(trained.maps["features.0"], expected, atol=1e-5)


def test_the_page_shows_filters_and_maps(
    trained_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert main(["lenet5", "--of", str(trained_run.folder), "--html", str(page)]) == 0
    assert "0 of 22 filters (0.0 %) are dead" in " ".join(capsys.readouterr().out.split())
    text = page.read_text("utf-8")
    assert text.count('src="data:image/png;base64,') >= 4
    assert "the first validation image" in text


def test_another_network_or_image_size_is_refused(trained_run: Run) -> None:
    folder = str(trained_run.folder)
    with pytest.raises(ModelError, match=r"is lenet5 of source own, not resnet20.*explain lenet5"):
        main(["resnet20", "--of", folder])
    with pytest.raises(ModelError, match="got --image-size 64"):
        main(["lenet5", "--of", folder, "--image-size", "64"])


def test_a_run_that_is_not_finished_is_refused(trained_run: Run, tmp_path: Path) -> None:
    record = json.loads((trained_run.folder / "run.json").read_text())
    record["status"] = "failed"
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match="the run is failed, not finished"):
        main(["lenet5", "--of", str(tmp_path)])


def test_several_runs_are_refused(trained_run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_bytes((trained_run.folder / "run.json").read_bytes())
    with pytest.raises(DataError, match="holds 2 runs; give the folder of one of them"):
        main(["lenet5", "--of", str(tmp_path)])


def test_a_missing_or_broken_image_is_refused(trained_run: Run, tmp_path: Path) -> None:
    folder, broken = str(trained_run.folder), tmp_path / "broken.png"
    with pytest.raises(DataError, match="there is no such file"):
        main(["lenet5", "--of", folder, "--image", str(tmp_path / "none.png")])
    broken.write_text("no image")
    with pytest.raises(DataError, match=r"broken\.png"):
        main(["lenet5", "--of", folder, "--image", str(broken)])
