"""Each network has one entry of three sentences."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from cnncompare.models.catalog.ideas import idea_of, read_ideas
from cnncompare.models.catalog.table import read_table

CONF = Path(__file__).resolve().parents[3] / "conf" / "model"
NAMES = [row["name"] for row in read_table()]


@pytest.mark.parametrize("name", NAMES)
def test_a_network_matches_one_entry_of_three_sentences(name: str) -> None:
    matching = [s for patterns, s in read_ideas() if any(fnmatchcase(name, p) for p in patterns)]
    assert len(matching) == 1
    assert len(matching[0]) == 3
    assert all(sentence[0].isupper() or sentence[0].isdigit() for sentence in matching[0][:1])
    assert all(sentence.endswith(".") for sentence in matching[0])


def test_each_option_of_conf_model_has_an_idea() -> None:
    files = sorted(CONF.glob("*.yaml"))
    assert len(files) > 50
    for file in files:
        assert len(idea_of(yaml.safe_load(file.read_text("utf-8"))["name"])) == 3, file.name


def test_each_pattern_matches_a_network() -> None:
    for patterns, _ in read_ideas():
        for pattern in patterns:
            assert any(fnmatchcase(name, pattern) for name in NAMES), pattern


def test_a_network_outside_the_table_has_no_idea() -> None:
    assert idea_of("resnetv2_50") == []
