"""The audit as text for a terminal."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from cnncompare.data.audit.duplicates import MAX_COMPARED
from cnncompare.data.walk import describe_ignored
from cnncompare.stats.imbalance import ADVICE, imbalance_sentence, measure_imbalance
from cnncompare.stats.leaks import leak_sentence

_MAX_EXAMPLES = 5
_MAX_CLASSES = 40


def counts_table(summary: Mapping[str, Any]) -> Table:
    """Return a table of the images per class and split, of at most `_MAX_CLASSES` classes."""
    splits = {name: split for name, split in summary["splits"].items() if split is not None}
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("class", overflow="fold")
    for name in splits:
        table.add_column(name, justify="right", no_wrap=True)
    per_class = [split["per_class"] for split in splits.values()]
    for name in list(per_class[0])[:_MAX_CLASSES]:
        table.add_row(escape(_printable(name)), *(f"{counts[name]:,}" for counts in per_class))
    left = len(per_class[0]) - _MAX_CLASSES
    if left > 0:
        table.add_row(f"... {left:,} more", *("" for _ in splits))
    table.add_row("all", *(f"{split['n']:,}" for split in splits.values()))
    return table


def sentences(summary: Mapping[str, Any]) -> Iterable[str]:
    """Yield the findings, a line each; leaks between training and test come first."""
    yield from _leaks(summary)
    yield from _duplicates(summary)
    yield from _listed("unreadable", _files(len(summary["unreadable"])), summary["unreadable"])
    if summary["imbalance"] is None:
        yield "imbalance    a class has no images"
    else:
        yield f"imbalance    the largest class has {summary['imbalance']:.2f}x the smallest"
    yield from _large_imbalance(summary["splits"])
    yield f"sizes        {_counted(summary['sizes'])}"
    yield f"modes        {_counted(summary['modes'])}"
    if summary["ignored_files"]:
        yield f"files        {describe_ignored(summary['ignored_files'])}"


def _large_imbalance(splits: Mapping[str, Any]) -> Iterable[str]:
    """Yield the classes of an imbalanced split and the metric to use; training comes first."""
    for name in ("train", "test"):
        counts = splits[name]["per_class"] if splits[name] else {}
        found = measure_imbalance(name, list(counts.values()), list(counts))
        if found is not None and found.is_large:
            yield f"{'':12} {_printable(imbalance_sentence(found))}; {ADVICE}"
            return


def _leaks(summary: Mapping[str, Any]) -> Iterable[str]:
    if summary["test_images_in_train"]:
        n_test = summary["splits"]["test"]["n"]
        yield f"leak         {leak_sentence(summary['test_images_in_train'], n_test)}"


def _duplicates(summary: Mapping[str, Any]) -> Iterable[str]:
    titles = {
        "identical_between_splits": "identical to an image of another split",
        "near_between_splits": "near-identical to an image of another split",
        "identical_within": "identical to another image of their split",
        "near_within": "near-identical to another image of their split",
    }
    for key, title in titles.items():
        pairs = summary["pairs"][key]
        if pairs is None:
            yield f"duplicates   not measured: {title} (more than {MAX_COMPARED:,} images)"
        else:
            yield from _listed("duplicates", title, [f"{b} repeats {a}" for a, b in pairs])
    if summary["identical_with_other_class"]:
        yield f"labels       {summary['identical_with_other_class']:,} copies have another class"


def _listed(label: str, title: str, names: Sequence[str]) -> Iterable[str]:
    yield f"{label:12} {len(names):,} {title}"
    for name in names[:_MAX_EXAMPLES]:
        yield f"{'':12} {_printable(name)}"
    if len(names) > _MAX_EXAMPLES:
        yield f"{'':12} ... {len(names) - _MAX_EXAMPLES:,} more; --json lists all"


def _files(n: int) -> str:
    return "unreadable file" if n == 1 else "unreadable files"


def _counted(counts: Mapping[str, int]) -> str:
    shown = [f"{value} ({n:,})" for value, n in list(counts.items())[:_MAX_EXAMPLES]]
    left = len(counts) - _MAX_EXAMPLES
    return ", ".join(shown) + (f", {left:,} more" if left > 0 else "")


def _printable(name: str) -> str:
    encoding = sys.stdout.encoding or "utf-8"  # of which names can have no characters, or no bytes
    return name.encode(encoding, "backslashreplace").decode(encoding)
