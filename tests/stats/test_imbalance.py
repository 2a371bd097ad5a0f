import pytest

from cnncompare.stats.imbalance import imbalance_sentence, measure_imbalance


@pytest.mark.parametrize(("counts", "large"), [([19, 10, 12], False), ([20, 10, 12], True)])
def test_an_imbalance_is_large_from_twice_the_images(counts: list[int], large: bool) -> None:
    found = measure_imbalance("train", counts, ["cat", "dog", "cow"])
    assert found is not None
    assert (found.largest, found.smallest) == ("cat", "dog")
    assert found.is_large is large


def test_the_sentence_names_both_classes() -> None:
    found = measure_imbalance("test", [1500, 50], ["cat", "dog"])
    assert found is not None
    sentence = imbalance_sentence(found)
    assert sentence == "class cat has 1,500 test images, 30.0 times the 50 of dog"


@pytest.mark.parametrize("counts", [[5, 0, 0], [0, 0, 0]])
def test_one_class_alone_has_no_imbalance(counts: list[int]) -> None:
    assert measure_imbalance("test", counts, ["a", "b", "c"]) is None


def test_classes_without_images_are_not_the_smallest() -> None:
    found = measure_imbalance("test", [4, 0, 3], ["a", "b", "c"])
    assert found is not None
    assert (found.smallest, found.is_large) == ("c", False)
