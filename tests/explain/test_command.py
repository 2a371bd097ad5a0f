"""The command `explain`: JSON, console widths, files, and one-line error messages."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from cnncompare.cli import run
from cnncompare.errors import ConfigError, DataError, ModelError, OutputError
from cnncompare.explain.command import main
from cnncompare.explain.console import print_explanation
from cnncompare.explain.explanation import explain
from cnncompare.explain.subject import find_subject
from cnncompare.models.catalog.table import read_table

ROWS = {row["name"]: row for row in read_table()}


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def test_json_has_layers_with_the_sums_of_models(capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(printed(capsys, "resnet18", "--json"))
    row = ROWS["resnet18"]
    for key in ("params", "gmacs", "depth", "paper", "small_image_changes", "input_size"):
        assert content[key] == row[key]
    assert sum(layer["params"] for layer in content["layers"]) == row["params"]
    assert sum(layer["macs_share"] for layer in content["layers"]) == pytest.approx(1)
    assert content["layers"][0] == {
        "name": "conv1",
        "kind": "conv",
        "kernel": [7, 7],
        "stride": [2, 2],
        "groups": 1,
        "output": [64, 112, 112],
        "params": 9408,
        "params_share": pytest.approx(9408 / row["params"]),
        "macs": 118_013_952,
        "macs_share": pytest.approx(0.065, abs=0.001),
        "receptive_field": [7, 7],
    }
    assert len(content["idea"]) == 3


def test_changes_for_small_images_are_listed_layer_by_layer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed = json.loads(printed(capsys, "resnet18", "--json"))["changed_layers"]
    assert [change["name"] for change in changed] == ["conv1", "maxpool"]
    assert changed[0]["original"]["kernel"] == [7, 7]
    assert changed[0]["small"] == {
        "kernel": [3, 3],
        "stride": [1, 1],
        "output": [64, 32, 32],
        "params": 1728,
    }
    assert changed[1]["small"] is None


def test_an_image_size_selects_the_form_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(printed(capsys, "resnet18", "--image-size", "32", "--json"))
    assert content["stem"] == "cifar"
    assert content["gmacs"] == ROWS["resnet18"]["gmacs_32"]
    assert content["classes"] == 10


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("name", ["lenet5", "mobilenet_v2"])
def test_the_explanation_fits_the_console(name: str, width: int) -> None:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as captured:
        print_explanation(explain(find_subject(name), None), console, all_layers=False)
    output = captured.get()
    assert max(len(line) for line in output.splitlines()) <= width
    assert "…" not in output
    assert f"{ROWS[name]['params']:,}" in output
    assert output.count("\n") < 90


def test_all_layers_are_printed_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert "layer1.0.conv1" not in printed(capsys, "resnet18")
    assert "layer1.0.conv1" in printed(capsys, "resnet18", "--layers")


def test_every_name_of_models_and_every_option_is_found() -> None:
    for name, row in ROWS.items():
        subject = find_subject(name)
        assert (subject.name, subject.source) == (name, row["source"])
    assert find_subject("mnasnet").name == "mnasnet1_0"
    assert find_subject("xception").name == "legacy_xception"


def test_a_network_outside_the_table_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(printed(capsys, "resnetv2_50", "--json"))
    assert content["source"] == "timm"
    assert content["paper"] is None
    assert content["params"] == 25_549_352  # of timm's results/model_metadata-in1k.csv, 25.55 M


def test_page_and_drawing_work_offline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, drawing = tmp_path / "lenet5.html", tmp_path / "lenet5.svg"
    printed(capsys, "lenet5", "--html", str(page), "--svg", str(drawing))
    text = page.read_text("utf-8")
    links = re.findall(r"(?:src|href)=\"([^\"]*)\"|url\(([^)]*)\)", text)
    assert all((a or b).startswith(("data:", "#")) for a, b in links)
    assert "<script" not in text
    assert "61,706" in text
    root = ElementTree.fromstring(drawing.read_text("utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert drawing.read_text("utf-8") in text


def test_help_imports_no_torch() -> None:
    program = (
        "import sys; from cnncompare.cli import run\n"
        "try: run(['explain', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'timm', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)


def test_an_unknown_model_is_answered_with_the_closest_name() -> None:
    with pytest.raises(ModelError, match=r"unknown model 'resnet19'; did you mean .*'resnet18'"):
        main(["resnet19"])


def test_an_error_is_one_line_with_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "alexnt"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "alexnet" in captured.err


@pytest.mark.parametrize("size", ["7", "-1", "100000"])
def test_an_impossible_image_size_is_refused(size: str) -> None:
    with pytest.raises(ConfigError, match=f"--image-size {size} must be from 8 to 4096 pixels"):
        main(["resnet18", "--image-size", size])


def test_an_image_size_that_the_network_does_not_accept_is_refused() -> None:
    with pytest.raises(ModelError, match=r"vgg16 with stem=cifar accepts images of 32 pixels"):
        main(["vgg16", "--image-size", "16"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--svg", "drawing.png"], "must end in .svg"),
        (["--html", "page.pdf"], "must end in .html"),
        (["--image", "photo.png"], "add --of RUN"),
    ],
)
def test_invalid_options_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        main(["lenet5", *arguments])


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        main(["lenet5", "--svg", str(tmp_path / "none" / "drawing.svg")])
    assert not (tmp_path / "none").exists()


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no run in"):
        main(["lenet5", "--of", str(tmp_path)])
    with pytest.raises(DataError, match="is not a folder"):
        main(["lenet5", "--of", str(tmp_path / "none")])
