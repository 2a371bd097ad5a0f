import pytest

from cnncompare.system.ranks import RANK_VARIABLES, is_first_process


@pytest.fixture(autouse=True)
def unnumbered(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in RANK_VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_a_process_alone_is_the_first() -> None:
    assert is_first_process()


@pytest.mark.parametrize("variable", RANK_VARIABLES)
def test_the_number_decides(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "0")
    assert is_first_process()
    monkeypatch.setenv(variable, "1")
    assert not is_first_process()


def test_the_global_rank_counts_before_the_local_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert not is_first_process()
