"""Choice of the runs that predict: one run, or the best run of each network of a study."""

from collections.abc import Sequence
from pathlib import Path

from cnncompare.errors import DataError
from cnncompare.inference.saved_settings import check_finished
from cnncompare.runs.lifecycle import is_finished
from cnncompare.runs.run import Run, find_runs


def read_runs(folder: Path) -> list[Run]:
    """Return the runs at or below a folder, sorted by path; of several, those that can be read.

    Raises DataError if there is none.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; give that of a run or study, as in outputs")
    folders = list(find_runs([folder]))
    if not folders:
        raise DataError(f"there is no run in {folder}; the folder of a run contains run.json")
    if len(folders) == 1:
        return [Run.read(folders[0])]
    runs: list[Run] = []
    problem: DataError | None = None
    for path in folders:
        try:
            runs.append(Run.read(path))
        except DataError as error:
            problem = problem or error
    if not runs and problem is not None:
        raise problem
    return runs


def choose_runs(folder: Path) -> list[Run]:
    """Return the one run, or the best finished run of each network by validation accuracy.

    Of runs that were not validated, which test pretrained weights, there is one for each version
    of the weights. Raises DataError without a finished run, and for runs with different classes.
    """
    runs = read_runs(folder)
    finished = [run for run in runs if is_finished(run)]
    if len(runs) == 1:
        check_finished(runs[0])
    elif not finished:
        raise DataError(f"none of the {len(runs)} runs in {folder} is finished; run them again")
    chosen: dict[tuple[str | None, ...], Run] = {}
    for run in sorted(finished, key=_rank):
        chosen.setdefault(_network(run), run)
    found = sorted(chosen.values(), key=lambda run: (run.record.label, run.record.id))
    _check_same_classes(found)
    return found


def _rank(run: Run) -> tuple[float, str]:
    accuracy = run.record.best.val_acc1
    return (1.0 if accuracy is None else -accuracy, run.record.id)


def _network(run: Run) -> tuple[str | None, ...]:
    model = run.record.model
    if model is None:
        return (run.record.label,)
    validated = run.record.best.val_acc1 is not None
    return model.source, model.name, None if validated else model.pretrained


def _check_same_classes(runs: Sequence[Run]) -> None:
    first = runs[0]
    for run in runs[1:]:
        if sorted(run.classes) != sorted(first.classes):
            raise DataError(
                f"the runs have different classes: {first.record.id} has {_classes(first)}, "
                f"{run.record.id} has {_classes(run)}; give the folder of one of them"
            )


def _classes(run: Run) -> str:
    names = run.classes
    more = ", ..." if len(names) > 3 else ""
    return f"{len(names)} ({', '.join(names[:3])}{more})"
