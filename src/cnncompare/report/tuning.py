"""Sentences on the tuning of a table's rows."""

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.language.catalogue import tr, trn
from cnncompare.terminal.formatting import enumeration


def tuning_caveats(table: ComparedTable) -> list[str]:
    """Return what the rows "default" and "tuned" of a table mean, and which networks lack one."""
    tuning = table.protocol.get("tuning")
    if tuning is None:
        return []
    sentence = trn(
        "Each tuned row has the setting with the best validation accuracy of {n} trial in the "
        "space {space}, the same for each network; compare tuned rows with tuned rows, and default "
        "rows with default rows.",
        "Each tuned row has the setting with the best validation accuracy of {n} trials in the "
        "space {space}, the same for each network; compare tuned rows with tuned rows, and default "
        "rows with default rows.",
        tuning["trials"],
        space=tuning["space"],
    )
    return [sentence, *_incomplete(table)]


def _incomplete(table: ComparedTable) -> list[str]:
    rows = [*table.rows, *table.untrained]
    names = {kind: {_name(r) for r in rows if _setting(r) == kind} for kind in ("default", "tuned")}
    lacking = sorted(names["default"] ^ names["tuned"])
    if not lacking:
        return []
    return [tr("Without a default or a tuned row: {models}.", models=enumeration(lacking))]


def _name(row: GroupRow) -> str:
    return row.group.results[0].record.label


def _setting(row: GroupRow) -> str | None:
    training = row.group.results[0].training
    return training.tuning.setting if training and training.tuning else None
