import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from cnncompare.comparison.filters import apply_filters
from cnncompare.comparison.grouping import differing_protocol_keys, split_into_tables
from cnncompare.comparison.load import load_results
from cnncompare.errors import ConfigError
from tests.comparison.factory import write_run, write_sweep

RIGHT = np.arange(100) % 10 > 0


def test_runs_of_one_protocol_share_a_table_and_differ_only_in_seed_within_a_group(
    sweep: Path,
) -> None:
    (table,), skipped = split_into_tables(load_results([sweep])[0])
    assert skipped == []
    assert {g.label: g.seeds for g in table.groups} == {
        name: [0, 1, 2] for name in ("resnet20", "vgg16", "lenet5")
    }


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("data", {"data": {"name": "other"}}),
        ("fingerprint", {"data": {"fingerprint": "f" * 64}}),
        ("n_train", {"data": {"n_train": 77}}),
        ("split_seed", {"training": {"split_seed": 3}}),
        ("protocol", {"training": {"protocol": "test_as_val"}}),
        ("image_size", {"training": {"image_size": 64}}),
        ("augment", {"training": {"augment": {"flip": False}}}),
        ("epochs", {"training": {"max_epochs": 9}}),
        ("batch_size", {"training": {"batch_size": 64}}),
        ("precision", {"training": {"precision": "bf16-mixed"}}),
        ("accelerator", {"training": {"accelerator": "gpu"}}),
        ("devices", {"training": {"devices": 2}}),
    ],
)
def test_runs_of_different_protocols_are_in_different_tables(
    tmp_path: Path, key: str, change: dict[str, Any]
) -> None:
    write_run(tmp_path, "a", 0, RIGHT)
    write_run(tmp_path, "b", 0, RIGHT, changes=change)
    tables, _ = split_into_tables(load_results([tmp_path])[0])
    assert len(tables) == 2
    assert key in differing_protocol_keys(tables)


def test_a_repeated_seed_is_skipped(tmp_path: Path) -> None:
    first = write_run(tmp_path / "one", "a", 0, RIGHT)
    shutil.copytree(first, tmp_path / "two" / first.name)
    (table,), (skip,) = split_into_tables(load_results([tmp_path])[0])
    assert table.groups[0].seeds == [0]
    assert "same configuration and seed" in skip.reason


def test_predictions_with_other_test_labels_are_not_used(tmp_path: Path) -> None:
    for label in ("a", "b"):
        write_run(tmp_path, label, 0, RIGHT)
    odd = (np.arange(100) % 10)[::-1].astype(np.int16)
    write_run(tmp_path, "c", 0, RIGHT, labels=odd)
    (table,), (skip,) = split_into_tables(load_results([tmp_path])[0])
    kept = {g.label: g.results[0].outcome is not None for g in table.groups}
    assert kept == {"a": True, "b": True, "c": False}
    assert "labels differ" in skip.reason


def test_equal_labels_are_followed_by_their_differing_settings(tmp_path: Path) -> None:
    for lr in (0.1, 0.01):
        write_run(tmp_path, "a", 0, RIGHT, lr=lr)
    (table,), _ = split_into_tables(load_results([tmp_path])[0])
    assert {g.label for g in table.groups} == {"a optimizer.lr=0.1", "a optimizer.lr=0.01"}


def test_group_by_compares_values_of_a_key_with_all_else_equal(tmp_path: Path) -> None:
    for model in ("a", "b"):
        for lr in (0.1, 0.01):
            for seed in (0, 1):
                write_run(tmp_path, model, seed, RIGHT, lr=lr)
    tables, _ = split_into_tables(load_results([tmp_path])[0], "optimizer.lr")
    assert [t.protocol["model"] for t in tables] == ["a", "b"]
    for table in tables:
        found = {g.label: g.seeds for g in table.groups}
        assert found == {"optimizer.lr=0.1": [0, 1], "optimizer.lr=0.01": [0, 1]}


def test_group_by_may_be_a_key_of_the_protocol(tmp_path: Path) -> None:
    for epochs in (4, 8):
        write_run(tmp_path, "a", 0, RIGHT, epochs=epochs)
    results, _ = load_results([tmp_path])
    assert len(split_into_tables(results)[0]) == 2
    (table,), _ = split_into_tables(results, "trainer.max_epochs")
    assert len(table.groups) == 2


def test_group_by_ignores_display_switches(tmp_path: Path) -> None:
    for lr, section in ((0.1, "display"), (0.01, "callbacks")):  # the name before version 0.2.0
        folder = write_run(tmp_path, "a", 0, RIGHT, lr=lr)
        with (folder / "config.yaml").open("a") as file:
            file.write(f"{section}:\n  progress: {'off' if lr == 0.1 else 'bar'}\n")
    (table,), _ = split_into_tables(load_results([tmp_path])[0], "optimizer.lr")
    assert len(table.groups) == 2


@pytest.mark.parametrize(
    "differing",
    [
        ("sweep: {workers: auto}", "sweep: {workers: 2}"),
        ("sweep: {jobs: []}", "{}"),  # older than the key
        ("logger: {csv: {}}", "logger: {csv: null}"),
        ("loss: {label_smoothing: 0.0}", "{}"),
        ("output_root: here", "output_root: there"),
        ("trainer: {devices: 2}", "trainer: {devices: [0, 2]}"),
    ],
)
def test_group_by_ignores_keys_that_change_no_number(
    tmp_path: Path, differing: tuple[str, str]
) -> None:
    for lr, section in zip((0.1, 0.01), differing, strict=True):
        _add_to_config(write_run(tmp_path, "a", 0, RIGHT, lr=lr), section)
    (table,), _ = split_into_tables(load_results([tmp_path])[0], "optimizer.lr")
    assert len(table.groups) == 2


@pytest.mark.parametrize(
    ("source", "n_tables"), [("torchvision", 1), ("digits", 1), ("folder", 2), ("parquet", 2)]
)
def test_group_by_ignores_the_folder_of_downloads_only(
    tmp_path: Path, source: str, n_tables: int
) -> None:
    for lr, root in ((0.1, "/a"), (0.01, "/b")):
        folder = write_run(tmp_path, "a", 0, RIGHT, lr=lr)
        _add_to_config(folder, f"data: {{name: digits, source: {source}, root: {root}}}")
    tables, _ = split_into_tables(load_results([tmp_path])[0], "optimizer.lr")
    assert len(tables) == n_tables


@pytest.mark.parametrize("section", ["loss: {label_smoothing: 0.1}", "model: {freeze: backbone}"])
def test_group_by_separates_runs_that_differ_in_another_setting(
    tmp_path: Path, section: str
) -> None:
    for lr, text in ((0.1, section), (0.01, "{}")):
        _add_to_config(write_run(tmp_path, "a", 0, RIGHT, lr=lr), text)
    tables, _ = split_into_tables(load_results([tmp_path])[0], "optimizer.lr")
    assert len(tables) == 2


def test_group_by_devices_counts_them(tmp_path: Path) -> None:
    for seed, devices in enumerate(("1", "2", "[0, 2]", "[1, 3]")):
        folder = write_run(tmp_path, "a", seed, RIGHT)
        _add_to_config(folder, f"trainer: {{devices: {devices}}}")
    (table,), _ = split_into_tables(load_results([tmp_path])[0], "trainer.devices")
    found = {group.label: group.seeds for group in table.groups}
    assert found == {"trainer.devices=1": [0], "trainer.devices=2": [1, 2, 3]}


def _add_to_config(folder: Path, text: str) -> None:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | yaml.safe_load(text)))


def test_a_record_that_is_older_than_a_setting_has_its_default(tmp_path: Path) -> None:
    for label in ("a", "b"):
        write_run(tmp_path, label, 0, RIGHT)
    (old,) = tmp_path.glob("a-*/run.json")
    content = json.loads(old.read_text())
    del content["training"]["trim_kernels"]
    old.write_text(json.dumps(content))
    (table,), _ = split_into_tables(load_results([tmp_path])[0])
    assert table.protocol["trim_kernels"] is False


def test_an_unknown_group_by_names_the_closest(sweep: Path) -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'optimizer\.lr'"):
        split_into_tables(load_results([sweep])[0], "optimiser.lr")


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        (["model.name=vgg16"], 3),
        (["model.name!=vgg16"], 6),
        (["model.stem=cifar"], 9),  # as used; the configuration has auto
        (["optimizer.lr=0.1", "seed=1"], 3),
        ([], 9),
    ],
)
def test_filters(sweep: Path, filters: list[str], left: int) -> None:
    assert len(apply_filters(load_results([sweep])[0], filters)) == left


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model.nam=vgg16", "did you mean 'model.name'"),
        ("model.name=vgg17", "matches no run; model.name is lenet5, resnet20, vgg16"),
        ("vgg16", "not of the form KEY=VALUE"),
        ("=3", "not of the form KEY=VALUE"),
    ],
)
def test_errors_of_wrong_filters(sweep: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        apply_filters(load_results([sweep])[0], [text])


def test_the_largest_table_comes_first(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.9}, seeds=1, n=50, epochs=2)
    write_sweep(tmp_path, {"a": 0.9, "b": 0.8}, seeds=2, n=50, epochs=3)
    tables, _ = split_into_tables(load_results([tmp_path])[0])
    assert [t.protocol["epochs"] for t in tables] == [3, 2]
