"""The command `models`: a table for 80 columns, JSON, and one-line error messages."""

import json

import pytest

from cnncompare.errors import ConfigError, ModelError
from cnncompare.models.catalog.command import main


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def test_all_networks_fit_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys).splitlines()
    assert max(len(line) for line in lines) <= 80
    headings = "name source year depth params GMACs at 32 MB input vers"
    assert " ".join(lines[0].split()) == headings
    row = next(line for line in lines if line.startswith("resnet18 "))
    assert " ".join(row.split()) == "resnet18 torchvision 2015 18 11.69M 1.81 0.56 46.8 3x224 1"
    assert not any("…" in line for line in lines)


def test_one_network_is_shown_with_details(capsys: pytest.CaptureFixture[str]) -> None:
    output = printed(capsys, "densenet161")
    assert "Huang et al. 2016, DenseNet, arXiv:1608.06993" in output
    assert "features.conv0 7x7/2 -> 3x3/1; features.pool0 removed" in output
    assert "IMAGENET1K_V1" in output
    assert "run      model=densenet161\n" in output


def test_json_is_a_list_of_rows_with_the_contract_s_keys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = json.loads(printed(capsys, "inception_v3", "--json"))
    known = next(row for row in rows if row["source"] == "torchvision")
    assert set(known) == {
        "name", "family", "year", "source", "paper", "params", "gmacs", "gmacs_32", "size_mb",
        "input_size", "small_image_changes", "weights", "depth",
    }  # fmt: skip
    assert known["input_size"] == [3, 299, 299]
    assert known["weights"] == ["IMAGENET1K_V1"]


def test_mistakes_are_answered_in_one_line() -> None:
    with pytest.raises(ModelError, match="no network matches 'resent18'; did you mean 'resnet18'"):
        main(["resent18"])
    with pytest.raises(ConfigError, match="unrecognized arguments: --jsn"):
        main(["--jsn"])
