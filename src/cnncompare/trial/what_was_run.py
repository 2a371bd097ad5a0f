"""The runs of a trial in a sentence; imports no torch."""

from cnncompare.terminal.formatting import integer
from cnncompare.trial.judge import TrialVerdict


def scope_sentence(verdict: TrialVerdict) -> str:
    """Return data, epochs and seeds: "digits, 400 training and 899 test images, 20 epochs, ..."."""
    found = [result for results in verdict.results.values() for result in results]
    if not found:
        return "no run finished"
    first = found[0]
    counts = sorted({len(results) for results in verdict.results.values()})
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    epochs = first.training.max_epochs if first.training else 0
    return (
        f"{first.data_name}, {integer(first.data.n_train)} training and "
        f"{integer(first.data.n_test)} test images of {first.run_settings.image_size} pixels, "
        f"{epochs} epochs, {seeds} seeds"
    )


def seconds_of(verdict: TrialVerdict) -> float:
    """Return the seconds of all runs of a trial, one after the other."""
    found = [result for results in verdict.results.values() for result in results]
    return float(sum(result.record.wall_s or 0 for result in found))
