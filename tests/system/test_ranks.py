import pytest

from cnncompare.system.ranks import RANK_VARIABLES, is_rank_zero


@pytest.fixture(autouse=True)
def without_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in RANK_VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_a_single_process_has_rank_zero() -> None:
    assert is_rank_zero()


@pytest.mark.parametrize("variable", RANK_VARIABLES)
def test_the_rank_is_read_from_the_environment(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "0")
    assert is_rank_zero()
    monkeypatch.setenv(variable, "1")
    assert not is_rank_zero()


def test_the_global_rank_takes_precedence_over_the_local_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert not is_rank_zero()
