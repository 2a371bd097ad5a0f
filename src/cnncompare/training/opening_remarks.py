"""Lines before a training on what makes it slow, or its result less comparable or meaningful."""

import sys

from cnncompare.config.fast_settings import slow_precision
from cnncompare.config.schema import Config
from cnncompare.language.catalogue import marked, tr
from cnncompare.language.recorded import recorded
from cnncompare.runs.leaks import recorded_leaks
from cnncompare.runs.run import Run
from cnncompare.stats.imbalance import ADVICE, imbalance_sentence


def print_remarks(config: Config, run: Run) -> None:
    """Print the remarks on a run that has just started, on standard error."""
    _print_slow_precision(config)
    _print_incomparable(run)
    _print_leaks(run)
    _print_imbalance(config, run)


def _print_slow_precision(config: Config) -> None:
    trainer = config.trainer
    sentence = slow_precision(trainer.accelerator, trainer.precision, config.model.name)
    if sentence:
        print(f"cnncompare: {sentence}", file=sys.stderr, flush=True)


def _print_incomparable(run: Run) -> None:
    reasons = run.record.training.incomparable if run.record.training else []
    if reasons:
        message = marked("not comparable with other runs: {reasons}; report leaves the run out")
        _print(tr(message, reasons=", ".join(reasons)))


def _print_leaks(run: Run) -> None:
    sentence = recorded_leaks(run.record.data)
    if sentence:
        _print(tr("{sentence}; cnncompare data lists them", sentence=recorded(sentence)))


def _print_imbalance(config: Config, run: Run) -> None:
    imbalance = run.record.data and run.record.data.imbalance
    if imbalance and imbalance.is_large:
        _print(f"{recorded(imbalance_sentence(imbalance))}; {recorded(ADVICE)}")
    if config.trains and config.data.balance and config.loss.class_weights != "none":
        message = marked(
            "data.balance=true and loss.class_weights={weights} both favour the small classes; use "
            "one of them unless that is intended"
        )
        _print(tr(message, weights=config.loss.class_weights))


def _print(text: str) -> None:
    print(f"cnncompare: {text}", file=sys.stderr, flush=True)
