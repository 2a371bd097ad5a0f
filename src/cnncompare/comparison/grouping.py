"""Which runs can be compared: tables by protocol, groups of runs that differ by their seed only."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from cnncompare.comparison.load import Result, Skipped
from cnncompare.errors import ConfigError, closest

# What changes neither numbers nor comparability: where results go, what is shown, the seed.
_NOT_COMPARED = (
    *("seed", "output_root", "name", "force", "logger", "callbacks", "model.lr"),
    *("data.workers", "data.cache_dir", "data.cache_limit_gib"),
)


@dataclass(frozen=True)
class Group:
    """Runs that differ by their seed only, sorted by it."""

    label: str
    results: list[Result]

    @property
    def seeds(self) -> list[int]:
        """The seeds, ascending."""
        return [result.seed for result in self.results]


@dataclass(frozen=True)
class Table:
    """Groups that share a protocol, so that their numbers can be compared."""

    protocol: dict[str, Any]
    groups: list[Group]


def protocol_of(result: Result) -> dict[str, Any]:
    """Return what two runs must share to be comparable; the hardware is there for the clocks."""
    data, asked, machine = result.data, result.run_settings, result.record.environment
    return {
        "data": data.name,
        "fingerprint": data.fingerprint,
        "classes": data.classes,
        "n_train": data.n_train,
        "n_val": data.n_val,
        "n_test": data.n_test,
        **_of_training(result),
        "batch_size": asked.batch_size,
        "precision": asked.precision,
        "channels_last": asked.channels_last,
        "compile": asked.compile,
        "trim_kernels": asked.trim_kernels,
        "matmul_precision": asked.matmul_precision,
        "accelerator": asked.accelerator,
        "devices": asked.devices,
        "hardware": (machine.gpu or machine.cpu) if machine else None,
        "threads": machine.threads if machine else None,
    }


def _of_training(result: Result) -> dict[str, Any]:
    """Return what belongs to the protocol of a training; weights as they are bring their own."""
    training, evaluation = result.training, result.evaluation
    if training is None:
        return {"epochs": 0, "mask_classes": evaluation is not None and evaluation.mask_classes}
    return {
        "split_seed": training.split_seed,
        "val_fraction": training.val_fraction,
        "protocol": training.protocol,
        "image_size": training.image_size,
        "normalize": training.normalize,
        "augment": training.augment,
        "epochs": training.max_epochs,
    }


def split_into_tables(
    results: list[Result], group_by: str | None = None
) -> tuple[list[Table], list[Skipped]]:
    """Return one table per protocol, the one of most runs first, and the runs left out.

    With `group_by`, a key of the configuration, a table holds runs that share everything but
    that key and the seed, and its groups are the key's values.
    """
    if group_by is not None:
        _check_key(group_by, results)
    by_protocol: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_protocol[_identity(_shared(result, group_by))].append(result)
    tables, skipped = [], []
    for members in sorted(by_protocol.values(), key=len, reverse=True):
        sound, left_out = _one_test_set(members)
        groups, repeated = _groups(sound, group_by)
        skipped += left_out + repeated
        if groups:
            tables.append(Table(_shared_protocol(members), groups))
    return tables, skipped


def differences(tables: list[Table]) -> dict[str, list[Any]]:
    """Return the protocol's keys in which the tables differ, with each table's value."""
    keys = dict.fromkeys(key for table in tables for key in table.protocol)
    values = {key: [table.protocol.get(key) for table in tables] for key in keys}
    return {key: v for key, v in values.items() if any(value != v[0] for value in v)}


def compared_settings(result: Result) -> dict[str, Any]:
    """Return the resolved configuration's keys that make a run this run, but the seed."""
    return {k: v for k, v in result.config.items() if not _ignored(k)}


def _ignored(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in _NOT_COMPARED)


def _check_key(key: str, results: list[Result]) -> None:
    known = {name for result in results for name in result.config if not _ignored(name)}
    if key not in known:
        raise ConfigError(
            f"--group-by {key}: not a key of these runs' configurations{closest(key, known)}"
        )


def _shared(result: Result, group_by: str | None) -> dict[str, Any]:
    protocol = protocol_of(result)
    if group_by is None:
        return protocol
    machine = {k: protocol[k] for k in ("fingerprint", "hardware", "accelerator", "threads")}
    return machine | {k: v for k, v in compared_settings(result).items() if k != group_by}


def _shared_protocol(members: list[Result]) -> dict[str, Any]:
    """Return the protocol's items that all members share; with --group-by one may vary."""
    protocols = [protocol_of(result) for result in members]
    shared = {k: v for k, v in protocols[0].items() if all(p[k] == v for p in protocols)}
    names = {result.model.name for result in members}
    return shared if len(names) > 1 else shared | {"model": names.pop()}


def _identity(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _one_test_set(members: list[Result]) -> tuple[list[Result], list[Skipped]]:
    """Refuse the images of runs whose labels are not the majority's, the fingerprint being one."""
    prints = {id(r): _labels_hash(r) for r in members if r.outcome is not None}
    if len(set(prints.values())) <= 1:
        return members, []
    usual = Counter(prints.values()).most_common(1)[0][0]
    odd = [r for r in members if prints.get(id(r), usual) != usual]
    reason = "its test labels differ from the other runs', though the fingerprint is the same; "
    skipped = [Skipped(str(r.run.folder), reason + "its images are not compared") for r in odd]
    return [replace(r, outcome=None) if r in odd else r for r in members], skipped


def _labels_hash(result: Result) -> str:
    assert result.outcome is not None
    return hashlib.sha256(result.outcome.label.tobytes()).hexdigest()


def _groups(members: list[Result], group_by: str | None) -> tuple[list[Group], list[Skipped]]:
    key: Callable[[Result], str] = lambda r: r.run_settings.recipe_hash  # noqa: E731
    if group_by is not None:
        key = lambda r: _identity(r.config.get(group_by))  # noqa: E731
    by_recipe: dict[str, list[Result]] = defaultdict(list)
    for result in members:
        by_recipe[key(result)].append(result)
    unique = [_one_per_seed(runs) for runs in by_recipe.values()]
    kept = [runs for runs, _ in unique]
    labels = _labels(kept, group_by)
    groups = [Group(name, runs) for name, runs in zip(labels, kept, strict=True)]
    return groups, [skip for _, repeated in unique for skip in repeated]


def _one_per_seed(runs: list[Result]) -> tuple[list[Result], list[Skipped]]:
    """Keep the run that finished last of each seed: the same seed twice is no second sample."""
    ordered = sorted(runs, key=lambda r: (r.seed, r.record.finished_at or ""))
    last = {result.seed: result for result in ordered}
    repeated = [
        Skipped(str(r.run.folder), f"same configuration and seed as {last[r.seed].run.folder}")
        for r in ordered
        if r is not last[r.seed]
    ]
    return list(last.values()), repeated


def _labels(groups: list[list[Result]], group_by: str | None) -> list[str]:
    """Return unique labels: the model's, with what else differs where two share it."""
    if group_by is not None:
        return [f"{group_by}={runs[0].config.get(group_by)}" for runs in groups]
    labels = [runs[0].record.label for runs in groups]
    twice = {label for label, n in Counter(labels).items() if n > 1}
    for label in twice:
        same = [i for i, name in enumerate(labels) if name == label]
        for i, detail in zip(same, _details([groups[i][0] for i in same]), strict=True):
            labels[i] = f"{label} {detail}"
    return labels


def _details(results: list[Result]) -> list[str]:
    """Return what tells these results apart, at most three settings, else the recipe's hash."""
    settings = [compared_settings(result) for result in results]
    varying = _varying(settings)
    details = [" ".join(f"{k}={s.get(k)}" for k in varying[:3]) for s in settings]
    if varying and len(set(details)) == len(details):
        return details
    return [
        f"{text} #{r.run_settings.recipe_hash[:6]}".strip()
        for text, r in zip(details, results, strict=True)
    ]


def _varying(settings: list[dict[str, Any]]) -> list[str]:
    keys: Iterable[str] = dict.fromkeys(key for s in settings for key in s)
    return [key for key in keys if any(s.get(key) != settings[0].get(key) for s in settings)]
