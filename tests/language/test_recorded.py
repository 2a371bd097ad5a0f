"""Sentences that records contain in English are recognised as they are written."""

import re

import pytest

from cnncompare.language.catalogue import in_language
from cnncompare.language.recorded import recorded
from cnncompare.runs import record
from cnncompare.runs.reference_section import ReferenceResultSection
from cnncompare.stats.imbalance import ADVICE, Imbalance, imbalance_sentence
from cnncompare.stats.leaks import leak_sentence
from tests.report.studies import NOTES

LATIN = re.compile(r"(?<![\w.=-])[A-Za-z]{2,}(?![\w.=])")  # no settings, such as optimizer.lr=0.1


def korean(text: str) -> str:
    with in_language("ko"):
        return recorded(text)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_an_imbalance(split: str) -> None:
    text = korean(imbalance_sentence(Imbalance(split, "고양이", 1900, "개", 100)))
    assert "고양이" in text
    assert "1,900장" in text
    assert LATIN.findall(text) == []
    assert korean(ADVICE) != ADVICE


@pytest.mark.parametrize("n", [1, 3])
def test_a_leak(n: int) -> None:
    assert LATIN.findall(korean(leak_sentence(n, 1000))) == []


def test_the_findings_on_a_training() -> None:
    from cnncompare.training.health import Row, TrainingFacts, check_health

    facts = TrainingFacts(0.01, 250, 100, 10, 90, 40, 0.1)
    rows: list[Row] = [{"val_acc1": 0.05, "train_loss": 1.0}, {"val_acc1": 0.05, "train_loss": 3.0}]
    risen: list[Row] = [{"val_acc1": x, "train_loss": 0.01} for x in (0.2, 0.9)]
    perfect: list[Row] = [{"val_acc1": 1.0, "train_loss": 0.01}] * 4
    balanced = TrainingFacts(1.0, 250, 100, 10, 90, 40, 0.1, balanced_classes=[10] * 10)
    findings = [f for r in (rows, risen, perfect) for f in check_health(r, facts)]
    findings += check_health(rows, balanced)
    assert {f.check for f in findings} == {
        *("diverged", "at_chance", "still_rising", "few_steps", "images_left_out", "saturated")
    }
    for finding in findings:
        for text in (finding.evidence, finding.advice):
            assert korean(text) != text
            assert LATIN.findall(korean(text).replace("data.batch_size", "")) == []


@pytest.mark.parametrize(("n", "acc1"), [(50_000, 0.7), (50_000, 0.5), (200, 0.7), (200, 0.3)])
def test_the_check_of_pretrained_weights(n: int, acc1: float) -> None:
    from cnncompare.training.reference_check import check_against_reference

    test = record.TestSection(acc1=acc1, acc5=0.9, n=n)
    reference = ReferenceResultSection(acc1=0.7, acc5=0.9, source="torchvision")
    full = n == 50_000
    check = check_against_reference(test, reference, is_full=full, deviations=[])
    assert korean(check.message) != check.message
    assert [name for name in LATIN.findall(korean(check.message)) if name != "top"] == []


@pytest.mark.parametrize("note", NOTES)
def test_the_notes_on_images(note: str) -> None:
    names = {"n01440764", "CMYK", "RGB", "JPEG"}
    assert [name for name in LATIN.findall(korean(note)) if name not in names] == []


def test_a_deviation_from_the_transform_of_weights() -> None:
    from cnncompare.data.transform import deviations
    from cnncompare.models.pretrained.transforms import Transform

    ours = Transform(256, 224, "bilinear", (0.5,) * 3, (0.5,) * 3)
    weights = Transform(232, 200, "bicubic", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    found = [korean(text) for text in deviations(ours, weights)]
    assert len(found) == 4
    assert set(LATIN.findall(" ".join(found))) == {"bilinear", "bicubic"}


def test_a_name_is_not_taken_for_a_sentence() -> None:
    for name in ("none of these", "resnet20", "Xeon, model 5", "stem: cifar", ""):
        assert korean(name) == name
    assert korean("Xeon(R), 8 threads, 2 workers") == "Xeon(R), 스레드 8개, 작업 프로세스 2개"


def test_english_stays_english() -> None:
    assert recorded("2 threads") == "2 threads"
