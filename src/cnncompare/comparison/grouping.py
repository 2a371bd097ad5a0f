"""Grouping of runs: tables of runs that share a protocol, groups that differ only in their seed.

Runs of a group may also differ in the fold or hold-out that they tested.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from cnncompare.comparison.load import Result, Skipped, flatten
from cnncompare.comparison.protocol import protocol_of
from cnncompare.config.schema_options import (
    default_settings,
    distinguishes_groups,
)
from cnncompare.errors import ConfigError, closest

# the section `display` before version 0.2.0
_EARLIER_KEYS = (
    "callbacks.progress",  # old name
    "callbacks.confusion_matrix",  # old name
    "callbacks.worst_mistakes",  # old name
)


@dataclass(frozen=True)
class Group:
    """Runs that differ only in their fold or hold-out and their seed, sorted by both."""

    label: str
    results: list[Result]

    @property
    def seeds(self) -> list[int]:
        """The different seeds in ascending order."""
        return sorted({result.seed for result in self.results})


@dataclass(frozen=True)
class Table:
    """Groups that share a protocol and can therefore be compared."""

    protocol: dict[str, Any]
    groups: list[Group]


def split_into_tables(
    results: list[Result], group_by: str | None = None
) -> tuple[list[Table], list[Skipped]]:
    """Return one table per protocol, the one with most runs first, and the skipped runs.

    With `group_by`, a key of the configuration, the runs of a table share everything but that key
    and the seed, and each value of the key is a group. Raises ConfigError for an unknown key.
    """
    if group_by is not None:
        _check_key(group_by, results)
    by_table: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_table[_canonical(_shared_values(result, group_by))].append(result)
    tables, skipped = [], []
    for members in sorted(by_table.values(), key=len, reverse=True):
        consistent, inconsistent = _with_equal_test_labels(members)
        groups, repeated = _groups(consistent, group_by)
        skipped += inconsistent + repeated
        if groups:
            tables.append(Table(_table_protocol(members), groups))
    return tables, skipped


def differing_protocol_keys(tables: list[Table]) -> dict[str, list[Any]]:
    """Return the protocol keys in which the tables differ, with the value of each table."""
    keys = dict.fromkeys(key for table in tables for key in table.protocol)
    values = {key: [table.protocol.get(key) for table in tables] for key in keys}
    return {key: v for key, v in values.items() if any(value != v[0] for value in v)}


def compared_config(result: Result) -> dict[str, Any]:
    """Return the configuration without the seed and the keys that do not affect the results.

    A configuration that is older than a key has the key's default.
    """
    source = result.config.get("data.source")
    complete = result.config | {
        key: value for key, value in flatten(default_settings()).items() if key not in result.config
    }
    return {
        key: value
        for key, value in complete.items()
        if distinguishes_groups(key, source) and key not in _EARLIER_KEYS
    }


def _check_key(key: str, results: list[Result]) -> None:
    keys = {name for result in results for name in compared_config(result)}
    if key not in keys:
        raise ConfigError(
            f"--group-by {key}: not a key of these runs' configurations{closest(key, keys)}"
        )


def _shared_values(result: Result, group_by: str | None) -> dict[str, Any]:
    """Return the values that all runs of a table share."""
    protocol = protocol_of(result)
    if group_by is None:
        return protocol
    machine = {k: protocol[k] for k in ("fingerprint", "accelerator")}
    return machine | {k: v for k, v in compared_config(result).items() if k != group_by}


def _table_protocol(members: list[Result]) -> dict[str, Any]:
    """Return the protocol keys with equal values, since `group_by` may vary one of them."""
    protocols = [protocol_of(result) for result in members]
    shared = {k: v for k, v in protocols[0].items() if all(p.get(k) == v for p in protocols)}
    names = {result.model.name for result in members}
    return shared if len(names) > 1 else shared | {"model": names.pop()}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _with_equal_test_labels(members: list[Result]) -> tuple[list[Result], list[Skipped]]:
    """Drop the predictions of runs whose test labels differ from those of the majority.

    Runs with equal fingerprints are compared, so that equal labels are expected.
    """
    by_images: dict[str, list[Result]] = defaultdict(list)
    for result in members:
        by_images[result.data.fingerprint].append(result)
    checked = [_agreeing_with_majority(results) for results in by_images.values()]
    skipped = [skip for _, differing in checked for skip in differing]
    return [result for results, _ in checked for result in results], skipped


def _agreeing_with_majority(members: list[Result]) -> tuple[list[Result], list[Skipped]]:
    hashes = {id(r): _labels_hash(r) for r in members if r.outcome is not None}
    if len(set(hashes.values())) <= 1:
        return members, []
    majority = Counter(hashes.values()).most_common(1)[0][0]
    differing = [r for r in members if hashes.get(id(r), majority) != majority]
    reason = (
        "its test labels differ from those of the other runs with the same fingerprint; "
        "its per-image predictions are not used"
    )
    skipped = [Skipped(str(r.run.folder), reason) for r in differing]
    return [replace(r, outcome=None) if r in differing else r for r in members], skipped


def _labels_hash(result: Result) -> str:
    assert result.outcome is not None
    return hashlib.sha256(result.outcome.label.tobytes()).hexdigest()


def _groups(members: list[Result], group_by: str | None) -> tuple[list[Group], list[Skipped]]:
    by_group: dict[str, list[Result]] = defaultdict(list)
    for result in members:
        by_group[_group_key(result, group_by)].append(result)
    unique = [_one_per_sample(runs) for runs in by_group.values()]
    kept = [runs for runs, _ in unique]
    labels = _labels(kept, group_by)
    groups = [Group(label, runs) for label, runs in zip(labels, kept, strict=True)]
    return groups, [skip for _, repeated in unique for skip in repeated]


def _group_key(result: Result, group_by: str | None) -> str:
    if group_by is None:
        return result.run_settings.recipe_hash
    return _canonical(result.config.get(group_by))


def _one_per_sample(runs: list[Result]) -> tuple[list[Result], list[Skipped]]:
    """Keep the last finished run of each seed and fold: a repetition is not a new sample."""
    ordered = sorted(runs, key=lambda r: (r.number, r.seed, r.record.finished_at or ""))
    last = {(result.number, result.seed): result for result in ordered}
    later = [(r, last[r.number, r.seed]) for r in ordered]
    repeated = [
        Skipped(str(r.run.folder), f"same configuration and seed as {kept.run.folder}")
        for r, kept in later
        if r is not kept
    ]
    return list(last.values()), repeated


def _labels(groups: list[list[Result]], group_by: str | None) -> list[str]:
    """Return unique labels: the model's, followed by the differing settings if two are equal."""
    if group_by is not None:
        return [f"{group_by}={runs[0].config.get(group_by)}" for runs in groups]
    labels = [_label(runs[0]) for runs in groups]
    duplicates = [label for label, n in Counter(labels).items() if n > 1]
    for label in duplicates:
        same = [i for i, name in enumerate(labels) if name == label]
        suffixes = _distinguishing_settings([groups[i][0] for i in same])
        for i, suffix in zip(same, suffixes, strict=True):
            labels[i] = f"{label} {suffix}"
    return labels


def _label(result: Result) -> str:
    tuning, label = result.training and result.training.tuning, result.record.label
    if not tuning:
        return label
    if tuning.setting == "default":
        return f"{label} default"
    return f"{label} tuned ({tuning.trials} trial{'s' * (tuning.trials != 1)})"


def _distinguishing_settings(results: list[Result]) -> list[str]:
    """Return up to three settings in which the results differ, with the recipe hash if needed."""
    configs = [compared_config(result) for result in results]
    keys = _differing_keys(configs)
    texts = [" ".join(f"{key}={c.get(key)}" for key in keys[:3]) for c in configs]
    if keys and len(set(texts)) == len(texts):
        return texts
    return [
        f"{text} #{r.run_settings.recipe_hash[:6]}".strip()
        for text, r in zip(texts, results, strict=True)
    ]


def _differing_keys(configs: list[dict[str, Any]]) -> list[str]:
    keys: Iterable[str] = dict.fromkeys(key for config in configs for key in config)
    return [key for key in keys if any(c.get(key) != configs[0].get(key) for c in configs)]
