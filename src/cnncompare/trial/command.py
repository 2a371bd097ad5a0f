"""``cnncompare trial``: run the variants of claims, judge them, and write one page; no torch."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cnncompare.comparison.load import Result, load_results
from cnncompare.errors import OutputError, RunError
from cnncompare.runs.lifecycle import finished_run
from cnncompare.runs.run import read_existing
from cnncompare.runs.storage import write_atomically
from cnncompare.sweep.settle import standard_output_on_error
from cnncompare.system import strict_json
from cnncompare.terminal.formatting import significant
from cnncompare.trial.files import Trial, read_trials
from cnncompare.trial.judge import Judgement, TrialVerdict, judge
from cnncompare.trial.options import USAGE, TrialOptions, parse_arguments
from cnncompare.trial.page import render_verdicts
from cnncompare.trial.sentences import (
    certainty,
    judgement_sentence,
    unreached,
    verdict_text,
)
from cnncompare.trial.variants import TrialVariant, compose_variants, trial_sweeps
from cnncompare.trial.what_was_run import scope_sentence, seconds_of

__all__ = ["PAGE", "USAGE", "run_trials"]

PAGE = "trial.html"
RunSweep = Callable[[list[str]], object]


def run_trials(arguments: Sequence[str], run_sweep: RunSweep) -> int:
    """Run and judge the trials, and return the exit code: 1 if any run failed.

    `run_sweep` runs the sweep of its arguments. All files and configurations are validated before
    the first run. The page is written anew after each trial.
    """
    options = parse_arguments(arguments)
    trials = read_trials(options.names)
    if options.list:
        _print_list(trials, options)
        return 0
    variants = {trial.name: compose_variants(trial, options) for trial in trials}
    verdicts: list[TrialVerdict] = []
    with standard_output_on_error(options.json):
        page = Path(os.path.abspath(os.path.expanduser(options.output_root))) / PAGE
        for trial in trials:
            verdict = _run_trial(trial, variants[trial.name], options, run_sweep)
            verdicts.append(verdict)
            _print_verdict(verdict)
            _write_page(page, verdicts)
        print(f"\n{_summary(verdicts)}\nwritten: {page}", flush=True)
    if options.json:
        print(
            strict_json.dumps({"trials": [verdict_json(v) for v in verdicts]}, indent=1), flush=True
        )
    return 1 if any(v.failures or v.status == "not run" for v in verdicts) else 0


def _run_trial(
    trial: Trial, variants: Sequence[TrialVariant], options: TrialOptions, run_sweep: RunSweep
) -> TrialVerdict:
    folders = {variant.label: variant.folders() for variant in variants}
    for variant_sweep in trial_sweeps(trial, variants, options):
        if _is_finished(variants):
            break  # nothing is left to do, and no table is printed again
        with suppress(RunError):  # the records say why
            run_sweep(variant_sweep)
    results: dict[str, list[Result]] = {}
    failed: Counter[str] = Counter()
    for label, paths in folders.items():
        results[label] = load_results([path for path in paths if path.is_dir()])[0]
        failed.update(_failure(label, path) for path in paths if not _counts(path))
    failures = [f"{n} run{'s' if n > 1 else ''} of {reason}" for reason, n in failed.items()]
    return judge(trial, results, failures)


def _is_finished(variants: Sequence[TrialVariant]) -> bool:
    configs = (v.config.model_copy(update={"seed": s}) for v in variants for s in v.seeds)
    return all(finished_run(config) is not None for config in configs)


def _counts(folder: Path) -> bool:
    run = read_existing(folder)
    return run is not None and run.record.status == "finished"


def _failure(label: str, folder: Path) -> str:
    run = read_existing(folder)
    error = run.record.error if run else None
    reason = error.text if error else (run.record.status if run else "it did not start")
    return f"{label} did not finish: {reason}"


def _write_page(page: Path, verdicts: Sequence[TrialVerdict]) -> None:
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(page, render_verdicts(verdicts).encode())
    except OSError as error:
        raise OutputError(f"{page} cannot be written ({error.strerror or error})") from None


def _print_verdict(verdict: TrialVerdict) -> None:
    print(f"\n{_name(verdict.trial)}: {verdict.trial.config.claim}")
    print(f"  {verdict_text(verdict).upper()}")
    for judgement in verdict.judgements:
        sure = certainty(judgement)
        print(f"  {judgement_sentence(judgement)}{f' ({sure})' if sure else ''}")
    late = unreached(verdict)
    for line in (*([late] if late else []), *verdict.failures, scope_sentence(verdict)):
        print(f"  {line}")
    print(end="", flush=True)


def _name(trial: Trial) -> str:
    return f"{trial.config.number}. {trial.name}" if trial.config.number else trial.name


def _summary(verdicts: Sequence[TrialVerdict]) -> str:
    width = max(len(v.trial.name) for v in verdicts)
    return "\n".join(f"{v.trial.name:{width}}  {verdict_text(v)}" for v in verdicts)


def _print_list(trials: Sequence[Trial], options: TrialOptions) -> None:
    if options.json:
        rows = [{"name": t.name, **t.config.model_dump(mode="json")} for t in trials]
        print(strict_json.dumps(rows, indent=1))
        return
    width = max(len(trial.name) for trial in trials)
    for trial in trials:
        minutes = f"{significant(trial.config.minutes)} min"
        print(f"{trial.name:{width}}  {minutes:>7}  {trial.config.claim}")
    total = sum(trial.config.minutes for trial in trials)
    print(f"{len(trials)} trials, about {significant(total)} min on two cores")


def verdict_json(verdict: TrialVerdict) -> dict[str, Any]:
    """Return what --json prints of a trial."""
    config = verdict.trial.config
    return {
        "name": verdict.trial.name,
        "number": config.number or None,
        "control": config.is_control,
        "claim": config.claim,
        "source": config.source,
        "verdict": verdict.status,
        "text": verdict_text(verdict),
        "comparisons": [_comparison_json(judgement) for judgement in verdict.judgements],
        "variants": {
            label: {"overrides": config.variants[label], "runs": [r.record.id for r in results]}
            for label, results in verdict.results.items()
        },
        "run": scope_sentence(verdict),
        "seconds": seconds_of(verdict),
        "failures": verdict.failures,
    }


def _comparison_json(judgement: Judgement) -> dict[str, Any]:
    comparison, pair, measure = judgement.comparison, judgement.pair, judgement.measure
    shown = {
        key: None if pair is None or (value := getattr(pair, key)) is None else measure.shown(value)
        for key in ("difference", "low", "high")
    }
    return {
        **comparison.model_dump(mode="json"),
        "verdict": judgement.status,
        "sentence": judgement_sentence(judgement),
        "means": None if judgement.means is None else list(judgement.means),
        **shown,
        "p": None if pair is None else pair.p,
        "test": None if pair is None else pair.test,
        "runs": None if pair is None else list(pair.runs),
        "detectable": judgement.detectable,
    }
