"""The comparison as one JSON object."""

from dataclasses import asdict, fields, is_dataclass
from typing import Any

from cnncompare.comparison.compare import ComparedTable, Comparison, GroupRow
from cnncompare.comparison.estimates import Estimate
from cnncompare.comparison.pairs import Pair
from cnncompare.report.findings import table_findings
from cnncompare.system import strict_json


def comparison_json(comparison: Comparison) -> str:
    """Return what `report --json` prints; infinite and undefined numbers are null."""
    content: dict[str, Any] = {
        "tables": [_table(table, comparison) for table in comparison.tables],
        "skipped": [asdict(skip) for skip in comparison.skipped],
        "metric": _key(comparison.options.metric.name),
    }
    if comparison.ranks is not None:
        content["ranks"] = asdict(comparison.ranks)
    return strict_json.dumps(content, indent=2)


def _table(table: ComparedTable, comparison: Comparison) -> dict[str, Any]:
    return {
        "protocol": table.protocol,
        "groups": [_group(row) for row in [*table.rows, *table.untrained]],
        "pairs": [_pair(pair) for pair in table.pairs],
        "letters_about": "images" if table.single_runs else "seeds and images",
        "best": None if table.best is None else asdict(table.best),
        "clock": table.clock,
        "verdict": table_findings(table, comparison.options),
        "fronts": [asdict(front) for front in table.fronts],
        **({"tuning": [asdict(curve) for curve in table.tuning]} if table.tuning else {}),
        "budgets": [asdict(budget) for budget in table.budgets],
    }


def _group(row: GroupRow) -> dict[str, Any]:
    return {
        "label": row.label,
        "n_runs": len(row.group.results),
        "seeds": row.group.seeds,
        "runs": [result.record.id for result in row.group.results],
        **{_key(name): _estimate(estimate) for name, estimate in row.estimates.items()},
        "letters": row.letters,
        "did_not_train": row.did_not_train,
        **({} if row.resampling is None else {"resampling": asdict(row.resampling)}),
        "timing": row.timing,
        "clock": row.clock,
        "memory": row.memory,
        "model": row.model,
        "fairness": row.fairness,
        "reference_result": None if row.reference_result is None else asdict(row.reference_result),
    }


def _key(metric: str) -> str:
    return {"top1": "acc1", "top5": "acc5"}.get(metric, metric)


def _estimate(estimate: Estimate) -> dict[str, Any]:
    over_seeds = estimate.over_seeds
    return {
        "mean": estimate.mean,
        "sd": estimate.sd,
        "low": estimate.interval.low,
        "high": estimate.interval.high,
        "interval": estimate.interval.method,
        "over_seeds": {"low": over_seeds.low, "high": over_seeds.high},
    }


def _pair(pair: Pair) -> dict[str, Any]:
    names = {"significant": "different"}  # the key of the contract
    values = {names.get(name, name): value for name, value in _plain(pair).items()}
    if not pair.folds:
        del values["folds"]  # of an ordinary test split
    return values


def _plain(value: Any) -> Any:
    """Return what `asdict` returns, without its copies, which take a tenth of a large report."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value
