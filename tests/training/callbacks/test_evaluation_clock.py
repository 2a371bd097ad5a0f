from pathlib import Path

from cnncompare.training.callbacks.evaluation_clock import EvaluationClock
from tests.training.callbacks.test_prediction_writer import Data

from .conftest import QUIET, Loader, make_task, make_trainer

pytestmark = QUIET


def test_the_seconds_are_of_the_test_alone(tmp_path: Path) -> None:
    times = iter([10.0, 13.5])
    clock = EvaluationClock(lambda: next(times))
    loader = Loader(11, evaluation=True, wait=0.25)  # in three batches
    trainer = make_trainer(tmp_path, [clock])
    trainer.test(make_task(), datamodule=Data(loader, 11), verbose=False)
    assert clock.test_s == 3.5
    assert clock.data_wait_s == 0.75
