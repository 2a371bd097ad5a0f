import pytest

from cnncompare.config.suggestions import SYNONYMS, all_keys, suggest_keys


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("epochs", "'trainer.max_epochs'"),
        ("trainer.epochs", "'trainer.max_epochs'"),
        ("LR", "'optimizer.lr'"),
        ("optimizer.learning-rate", "'optimizer.lr'"),
        ("batch_size", "'data.batch_size'"),
        ("pretrained", "'model.weights'"),
        ("Data.Root", "'data.root'"),
        ("augment.flip", "'data.augment.flip'"),
        ("data.augment.flp", "'data.augment.flip'"),
        ("optimzer.lr", "'optimizer.lr'"),
        ("modle", "'model'"),
    ],
)
def test_the_key_that_was_meant_is_suggested_first(key: str, suggestion: str) -> None:
    assert suggest_keys(key).startswith(f"; did you mean {suggestion}")


@pytest.mark.parametrize("key", ["qqq", "zzz.qqq", "optimizer.m", "trainer.a"])
def test_at_most_three_keys_are_suggested(key: str) -> None:
    assert suggest_keys(key).count(" or ") <= 2


def test_nothing_is_suggested_where_nothing_is_similar() -> None:
    assert suggest_keys("qqq") == ""


def test_every_synonym_stands_for_a_key() -> None:
    assert set(SYNONYMS.values()) <= set(all_keys())


def test_a_synonym_is_no_key_of_its_own_at_the_top_level() -> None:
    assert not set(SYNONYMS) & {key for key in all_keys() if "." not in key}
