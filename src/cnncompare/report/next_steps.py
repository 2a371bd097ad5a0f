"""Commands that use the best network of a table: predictions, export and explanation."""

import re

from cnncompare.comparison.compare import ComparedTable
from cnncompare.comparison.load import Result
from cnncompare.language.catalogue import tr
from cnncompare.terminal.result import shell_path

IMAGES = "new-photos"  # stands for the user's images


def next_steps(table: ComparedTable) -> list[tuple[str, str]]:
    """Return what each command does, and the command, for the best run of the first row.

    That run has the row's best validation accuracy, as in predict. `explain`
    lists the layers of networks that `models` or a library provides, not of users' modules.
    """
    best = min(table.rows[0].group.results, key=_rank)
    run, program = shell_path(best.run.folder), "python -m cnncompare"
    steps = [
        (tr("Classify new images"), f"{program} predict {run} {IMAGES}"),
        (tr("Write the network for other programs"), f"{program} export {run} --to onnx"),
    ]
    if not best.config.get("model.module") and re.fullmatch(r"[\w.+-]+", best.model.name):
        explanation = f"{program} explain {best.model.name} --of {run}"
        steps.append((tr("Show its layers and filters"), explanation))
    return steps


def _rank(result: Result) -> tuple[float, str]:
    accuracy = result.record.best.val_acc1
    return (1.0 if accuracy is None else -accuracy, result.record.id)
