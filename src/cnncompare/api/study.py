"""The study of the public interface: several runs as tables, and their comparison."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncompare.api.run import Run
from cnncompare.comparison.load import flatten

if TYPE_CHECKING:
    import pandas as pd

# null without
SECTIONS = ("error", "model", "data", "training", "evaluation", "inference", "environment")


class Study:
    """The runs at or below a folder, finished or not: `runs`, sorted by their paths."""

    def __init__(self, folder: Path, runs: Sequence[Run]) -> None:
        self.folder = folder
        self.runs = list(runs)

    def __repr__(self) -> str:
        return f"<Study {self.folder}, {len(self.runs)} runs>"

    def frame(self) -> "pd.DataFrame":
        """Return a row per run with every number and text of its record.

        The columns are the keys of run.json, with dots for sections: ``id``, ``label``, ``status``,
        ``model.params``, ``training.seed``, ``best.val_acc1``, ``test.acc1``, ``timing.epoch_s``
        and so on. Lists are left out.
        """
        import pandas as pd

        return pd.DataFrame([_flat_record(run) for run in self.runs])

    def epochs(self) -> "pd.DataFrame":
        """Return a row per epoch of each run: ``id``, ``label``, ``seed``, and epochs.csv.

        Raises DataError if such a file is not a table of numbers.
        """
        import pandas as pd

        table = pd.DataFrame([row for run in self.runs for row in _epoch_rows(run)])
        return table.astype({"epoch": "int64"}) if "epoch" in table else table

    def compare(self) -> dict[str, Any]:
        """Return the comparison as ``report --json`` prints it: tables, groups, pairs, skipped.

        Raises UserError if no run can be compared.
        """
        from cnncompare.report.command import comparison_of

        return comparison_of([self.folder])


def _flat_record(run: Run) -> dict[str, Any]:
    content = run.record.model_dump(by_alias=True)
    present = {
        key: value
        for key, value in content.items()
        if not (key in SECTIONS and value is None) and key != "schema"
    }
    flat = flatten(present)
    return {key: value for key, value in flat.items() if not isinstance(value, list | dict)}


def _epoch_rows(run: Run) -> Iterator[dict[str, Any]]:
    settings = run.record.settings
    common = {"id": run.record.id, "label": run.record.label, "seed": settings and settings.seed}
    for row in run.epochs():
        yield common | row
