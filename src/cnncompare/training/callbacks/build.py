"""The callbacks of a run, of a benchmark and of a probe: one list for every rank."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from pytorch_lightning.callbacks import Callback, EMAWeightAveraging

from cnncompare.config.extension import Own
from cnncompare.config.schema import Config
from cnncompare.config.trainer import TrainerConfig
from cnncompare.errors import ConfigError
from cnncompare.extensions.kinds import CALLBACKS
from cnncompare.extensions.resolve import call, resolve
from cnncompare.runs.run import CHECKPOINTS
from cnncompare.training.callbacks.divergence import DivergenceMonitor
from cnncompare.training.callbacks.epoch_recorder import EpochRecorder
from cnncompare.training.callbacks.evaluation_clock import EvaluationClock
from cnncompare.training.callbacks.evaluation_journal import EvaluationJournal
from cnncompare.training.callbacks.interruption import Interruption
from cnncompare.training.callbacks.limits import StepLimit, TimeLimit
from cnncompare.training.callbacks.prediction_writer import PredictionWriter
from cnncompare.training.callbacks.progress import Progress
from cnncompare.training.checkpoints import BestAndLastCheckpoint

C = TypeVar("C", bound=Callback)


def build_callbacks(
    config: Config,
    rank: int,
    *,
    folder: Path | None = None,
    interruption: Interruption | None = None,
    journal: EvaluationJournal | None = None,
    extra: Sequence[Callback] = (),
    title: str = "",
) -> list[Callback]:
    """Return the callbacks in the order in which Lightning calls them.

    Every rank has all of them: one that communicates would wait for ever for a rank without it.
    They write into the run's folder, or into `folder`. `extra` are those of a benchmark; `title`
    begins the printed lines.
    """
    folder = folder or config.run_folder()
    progress = Progress(config.display.progress if rank == 0 else "off", title)
    writer = PredictionWriter(folder, journal)
    stop = [] if interruption is None else [interruption]
    own = [*_own(config), *_measurements(config)]
    if not config.trains:
        # the interruption comes last, after the batch has been added to the journal
        return [EvaluationClock(), writer, *own, progress, *extra, *stop]
    monitor = DivergenceMonitor(config.optimizer.lr, own_learning_rate(config))
    recorder = EpochRecorder(folder, after_checkpoint=True)
    # the recorder comes after those of users, whose values it writes, and before the progress,
    # which prints its rows
    measuring = [monitor, *_stopping(config), *own, recorder, writer]
    # the limits come first, so that the average includes the last step
    first = [*_limits(config.trainer), *averaging(config)]
    return [*first, *stop, *measuring, progress, *extra, _checkpoint(folder, recorder)]


def averaging(config: Config) -> list[Callback]:
    """Return the callback that averages the weights, if the run trains with one."""
    decay, swa = config.trainer.ema_decay, config.callbacks.swa
    if not config.trains:
        return []
    if decay is not None:
        return [EMAWeightAveraging(decay=decay)]
    return [] if swa is None else [_built_in("swa", swa.model_dump())]


def find_callback(callbacks: Iterable[Callback], kind: type[C]) -> C:
    """Return the only callback of its kind."""
    (found,) = (callback for callback in callbacks if isinstance(callback, kind))
    return found


def own_learning_rate(config: Config) -> float:
    """Return the model's own learning rate for the optimizer, or that of the configuration."""
    rate: float = getattr(config.model.lr, config.optimizer.name, config.optimizer.lr)
    return rate


def _stopping(config: Config) -> list[Callback]:
    stopping = config.callbacks.early_stopping
    return [] if stopping is None else [_built_in("early_stopping", stopping.model_dump())]


def _limits(settings: TrainerConfig) -> list[Callback]:
    """Return the callbacks that end a training within an epoch."""
    in_time = [] if settings.max_time is None else [TimeLimit(settings.max_time)]
    if settings.max_steps is None or settings.fast_dev_run:
        return [*in_time]
    return [*in_time, StepLimit(settings.max_steps)]


def _measurements(config: Config) -> list[Callback]:
    """Return the callbacks that change no result."""
    cost, norms = config.callbacks.inference_cost, config.callbacks.gradient_norms
    found = [] if cost is None else [_built_in("inference_cost", cost.model_dump())]
    if norms is not None and config.trains:
        found.append(_built_in("gradient_norms", norms.model_dump()))
    return found


def _own(config: Config) -> list[Callback]:
    return [_checked(own) for own in config.callbacks.own("callbacks")]


def _built_in(name: str, options: dict[str, object]) -> Callback:
    callback: Callback = call(resolve(CALLBACKS, name), options=options, supplied={})
    return callback


def _checked(own: Own) -> Callback:
    callback = own.build()
    if not isinstance(callback, Callback):
        raise ConfigError(
            f"callback {own.name} is of the type {type(callback).__name__}; it must be a "
            "pytorch_lightning.Callback"
        )
    return callback


def _checkpoint(folder: Path, recorder: EpochRecorder) -> Callback:
    return BestAndLastCheckpoint(
        saved=recorder.write,
        dirpath=folder / CHECKPOINTS,
        filename="best",
        monitor="val_acc1",
        mode="max",
        save_on_train_epoch_end=True,  # after the epoch's times have been measured
        enable_version_counter=False,
    )
