import itertools
import random
import time

import pandas as pd
import pytest
import scikit_posthocs

from cnncompare.stats.compact_letters import compact_letter_display


def test_the_best_has_letter_a_and_ties_share_letters() -> None:
    significant = {frozenset("AC")}
    assert compact_letter_display(["A", "B", "C"], significant) == {"A": "a", "B": "ab", "C": "b"}


def test_all_tied_and_all_significant() -> None:
    labels = ["A", "B", "C"]
    assert set(compact_letter_display(labels, set()).values()) == {"a"}
    every = {frozenset(pair) for pair in itertools.combinations(labels, 2)}
    assert compact_letter_display(labels, every) == {"A": "a", "B": "b", "C": "c"}


@pytest.mark.parametrize("seed", range(20))
def test_letters_agree_with_scikit_posthocs(seed: int) -> None:
    rng = random.Random(seed)
    labels = [f"m{i}" for i in range(8)]
    pairs = [frozenset(p) for p in itertools.combinations(labels, 2)]
    significant = {p for p in pairs if rng.random() < 0.5}
    found = compact_letter_display(labels, significant)
    for pair in pairs:
        a, b = pair
        assert bool(set(found[a]) & set(found[b])) == (pair not in significant)
    p = pd.DataFrame(1.0, labels, labels)
    for a, b in significant:
        p.loc[a, b] = p.loc[b, a] = 0.0
    theirs = scikit_posthocs.compact_letter_display(p, alpha=0.05)
    columns = {tuple(i for i in labels if c in theirs[i]) for c in set("".join(theirs)) - {" "}}
    ours = {tuple(i for i in labels if c in found[i]) for c in set("".join(found.values()))}
    assert ours == columns


def test_more_groups_than_letters_of_the_alphabet() -> None:
    labels = [f"m{i}" for i in range(30)]
    every = {frozenset(pair) for pair in itertools.combinations(labels, 2)}
    found = compact_letter_display(labels, every)
    assert found["m0"] == "a"
    assert found["m29"] == "ad"
    assert len(set(found.values())) == 30


def test_a_single_label() -> None:
    assert compact_letter_display(["A"], set()) == {"A": "a"}


def assert_shared_letters_mean_ties(labels: list[str], significant: set[frozenset[str]]) -> None:
    found = compact_letter_display(labels, significant)
    commas = any("," in text for text in found.values())
    letters = {label: set(text.split(",") if commas else text) for label, text in found.items()}
    for a, b in itertools.combinations(labels, 2):
        assert bool(letters[a] & letters[b]) == (frozenset((a, b)) not in significant)
    assert found[labels[0]].startswith("a")
    assert all(found.values())


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_sixty_rows_share_a_letter_exactly_if_tied_within_a_second(share: float) -> None:
    rng = random.Random(1)
    labels = [f"m{i}" for i in range(60)]
    pairs = [frozenset(p) for p in itertools.combinations(labels, 2)]
    significant = {p for p in pairs if rng.random() < share}
    started_at = time.process_time()
    assert_shared_letters_mean_ties(labels, significant)
    assert time.process_time() - started_at < 1


def test_the_case_with_exponentially_many_maximal_sets_has_few_letters() -> None:
    """Of 30 significant pairs without a common label, there are 2^30 maximal sets of ties."""
    labels = [f"m{i}" for i in range(60)]
    significant = {frozenset((labels[i], labels[i + 1])) for i in range(0, 60, 2)}
    started_at = time.process_time()
    assert_shared_letters_mean_ties(labels, significant)
    assert time.process_time() - started_at < 1
    used = compact_letter_display(labels, significant).values()
    assert len(set("".join(used))) <= 26
