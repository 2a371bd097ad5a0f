from pathlib import Path

import pytest
import torch
from torch import Tensor

from cnncompare.training.callbacks.evaluation_journal import FLUSH_S, EvaluationJournal


def batch(*positions: int) -> dict[str, Tensor]:
    n = len(positions)
    return {
        "indices": torch.tensor(positions),
        "labels": torch.tensor([7 if position else -1 for position in positions]),
        "top5": torch.arange(5).repeat(n, 1) + torch.tensor(positions)[:, None],
        "confidence": torch.full((n,), 0.25),
        "losses": torch.linspace(0, 2, n),
    }


def journal(folder: Path) -> EvaluationJournal:
    return EvaluationJournal(folder, rank=0, width=5)


def test_added_batches_are_read_back(tmp_path: Path) -> None:
    written = journal(tmp_path / "tested")
    written.add(batch(4, 0))
    written.add(batch(2))
    written.flush()
    read = journal(tmp_path / "tested").read(5)
    assert read is not None
    for name, values in read.items():
        expected = torch.cat([batch(4, 0)[name], batch(2)[name]])
        assert values.dtype == expected.dtype
        assert torch.equal(values, expected), name


def test_batches_are_written_every_few_seconds_only(tmp_path: Path) -> None:
    times = iter([0.0, 1.0, FLUSH_S, FLUSH_S + 1])
    written = EvaluationJournal(tmp_path, 0, 5, clock=lambda: next(times))
    written.add(batch(1))
    assert not written.path.exists()
    written.add(batch(2))
    assert written.path.stat().st_size == 2 * 24  # 4 + 2 + 4 + 4 + 5 * 2 bytes a row


def test_a_row_cut_short_is_dropped_and_overwritten(tmp_path: Path) -> None:
    written = journal(tmp_path)
    written.add(batch(1, 2))
    written.flush()
    with written.path.open("ab") as file:
        file.write(b"half a row")
    again = journal(tmp_path)
    read = again.read(5)
    assert read is not None
    assert read["indices"].tolist() == [1, 2]
    again.add(batch(3))
    again.flush()
    whole = journal(tmp_path).read(5)
    assert whole is not None
    assert whole["indices"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("positions", [(1, 1), (9,)], ids=["twice", "beyond the last"])
def test_rows_that_do_not_fit_the_test_set_are_discarded(
    tmp_path: Path, positions: tuple[int, ...]
) -> None:
    written = journal(tmp_path)
    written.add(batch(*positions))
    written.flush()
    assert journal(tmp_path).read(5) is None


def test_without_a_file_nothing_was_tested(tmp_path: Path) -> None:
    assert journal(tmp_path).read(5) is None
