"""The paragraph on methods of a paper, made from a table's protocol and tests."""

from typing import Any

from cnncompare.comparison.compare import ComparedTable
from cnncompare.comparison.machine import clock_of
from cnncompare.report.fairness_card import fairness_columns
from cnncompare.report.folds import count_repetitions, repetition_noun
from cnncompare.report.latex_layout import escaped
from cnncompare.terminal.formatting import enumeration

_TESTS = {
    "mcnemar-exact": "McNemar's exact test",
    "image-permutation": "a permutation test of the predictions",
    "seeds-and-images": "a test over seeds and test images",
    "seeds-and-images-sequential": "a confidence sequence over seeds and test images",
    "corrected-resampled-t": "the corrected resampled t test (Nadeau and Bengio 2003)",
    "permutation": "a permutation test of the runs",
}
_STATED = {  # by sentences of their own, or by the caption
    *("data", "fingerprint", "classes", "n_train", "n_val", "n_test", "n_images", "resampling"),
    *("epochs", "batch_size", "precision", "selection", "accelerator", "devices", "model"),
}


def test_names(table: ComparedTable) -> str:
    """Return the tests of the table's pairs in words."""
    found = dict.fromkeys(pair.test for pair in table.pairs if pair.p is not None)
    return enumeration([_TESTS.get(name, name) for name in found] or ["no test"])


def correction(table: ComparedTable) -> str:
    """Return the correction of the p values: "Holm's correction for 6 pairs"."""
    n = len(table.pairs)
    return f"Holm's correction for {n} pair{'s' * (n != 1)}, level 0.05"


def methods(table: ComparedTable) -> str:
    """Return a paragraph in LaTeX."""
    sentences = [
        _data(table),
        _training(table),
        *_recipes(table),
        *_settings(table),
        _statistics(table),
        _machine(table),
    ]
    text = " ".join(escaped(sentence) for sentence in sentences if sentence)
    return "\n".join(
        [r"\begingroup\sloppy", rf"\paragraph{{Methods.}} {text}", r"\par\endgroup", ""]
    )


def _data(table: ComparedTable) -> str:
    protocol, first = table.protocol, table.rows[0].group.results[0]
    labels = enumeration([row.label for row in table.rows])
    compared = f"We compared {labels} on {first.data_name} ({protocol.get('classes')} classes)"
    if table.rows[0].resampling:
        return (
            f"{compared}, over {protocol.get('resampling')} of its {protocol['n_images']:,} images."
        )
    counts = [
        f"{protocol[key]:,} {split}"
        for key, split in (("n_train", "training"), ("n_val", "validation"), ("n_test", "test"))
        if protocol.get(key)
    ]
    return f"{compared}, with {enumeration(counts)} images." if counts else f"{compared}."


def _training(table: ComparedTable) -> str:
    protocol = table.protocol
    repeated = f"with {count_repetitions(table)}"
    if not protocol.get("epochs"):
        return "The pretrained weights were tested without further training."
    items = [f"{protocol['epochs']} epochs {repeated}"]
    items += [f"batch size {protocol['batch_size']}"] if protocol.get("batch_size") else []
    items += [f"precision {protocol['precision']}"] if protocol.get("precision") else []
    selected = str(protocol.get("selection") or "")
    tested = f"; tested: {selected}" if selected else ""
    return f"Each network was trained for {', '.join(items)}{tested}."


def _recipes(table: ComparedTable) -> list[str]:
    """Return the optimizer and its settings, of each network where they differ."""
    column = next((c for c in fairness_columns(table) if c.key == "recipe"), None)
    if column is None:
        return []
    recipes = {row.label: column.text(row) for row in table.rows}
    if len(set(recipes.values())) == 1:
        return [f"The recipe was {next(iter(recipes.values()))}."]
    return [f"The recipes were: {'; '.join(f'{k}: {v}' for k, v in recipes.items())}."]


def _settings(table: ComparedTable) -> list[str]:
    settings = {k: v for k, v in table.protocol.items() if k not in _STATED and _is_set(v)}
    texts = [f"{key.replace('_', ' ')} {_value(value)}" for key, value in settings.items()]
    return [f"Further settings: {'; '.join(texts)}."] if texts else []


def _is_set(value: Any) -> bool:
    return value is not None and value is not False and value != {}


def _value(value: Any) -> str:
    if isinstance(value, dict):
        inner = [f"{key} {item}" for key, item in value.items() if item]
        return f"({', '.join(inner).replace('_', ' ') or 'none'})"
    return "yes" if value is True else str(value)


def _statistics(table: ComparedTable) -> str:
    if not table.pairs:
        return "Intervals are at the 95 % level."
    over = repetition_noun(table)
    return (
        f"Intervals are at the 95 % level and allow for the variance over {over} and test images. "
        f"Pairs were compared by {test_names(table)}, with {correction(table)}."
    )


def _machine(table: ComparedTable) -> str:
    results = [result for row in table.rows for result in row.group.results]
    machines = list(dict.fromkeys(map(clock_of, results)))[:3]
    used = results[0].record.environment
    versions = f" with cnncompare {used.cnncompare} and PyTorch {used.torch}" if used else ""
    return f"The runs used {enumeration(machines)}{versions}."
