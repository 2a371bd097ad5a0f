"""Suggested keys for an unknown one: its name in other programs, or a similar name."""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache

from cnncompare.config.options import sections_in
from cnncompare.config.schema import Config
from cnncompare.config.section import Section
from cnncompare.errors import closest

# names of training scripts and other libraries; hyphens are written as underscores
SYNONYMS = {
    "arch": "model",
    "architecture": "model",
    "net": "model",
    "network": "model",
    "dataset": "data",
    "data_dir": "data.root",
    "data_path": "data.root",
    "datadir": "data.root",
    "bs": "data.batch_size",
    "batch": "data.batch_size",
    "train_batch_size": "data.batch_size",
    "img_size": "data.image_size",
    "imgsz": "data.image_size",
    "input_size": "data.image_size",
    "num_workers": "data.workers",
    "epoch": "trainer.max_epochs",
    "epochs": "trainer.max_epochs",
    "num_epochs": "trainer.max_epochs",
    "n_epochs": "trainer.max_epochs",
    "nepochs": "trainer.max_epochs",
    "gpu": "trainer.devices",
    "gpus": "trainer.devices",
    "num_gpus": "trainer.devices",
    "device": "trainer.accelerator",
    "fp16": "trainer.precision",
    "amp": "trainer.precision",
    "lr": "optimizer.lr",
    "learning_rate": "optimizer.lr",
    "base_lr": "optimizer.lr",
    "wd": "optimizer.weight_decay",
    "opt": "optimizer",
    "lr_scheduler": "scheduler",
    "pretrained": "model.weights",
    "checkpoint": "model.weights",
    "out_dir": "output_root",
    "output_dir": "output_root",
    "save_dir": "output_root",
    "random_seed": "seed",
    "manual_seed": "seed",
    "experiment_name": "name",
}


def suggest_keys(key: str) -> str:
    """Return ``"; did you mean 'trainer.max_epochs'?"``, or ``""`` without a similar key."""
    section, _, name = key.rpartition(".")
    found = keys_for(key) or keys_for(name) or _similar_names(section, name)
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else closest(key, all_keys())


def _similar_names(section: str, name: str) -> list[str]:
    prefix = f"{section}." if section else ""
    siblings = [key.removeprefix(prefix) for key in all_keys() if key.startswith(prefix)]
    names = [sibling for sibling in siblings if "." not in sibling]
    best = get_close_matches(name.lower(), names, n=1, cutoff=0.9)  # a slip of one letter
    return [prefix + match for match in best or get_close_matches(name.lower(), names, n=3)]


def keys_for(name: str) -> list[str]:
    """Return at most three keys that end with `name`, or that it stands for in other programs."""
    name = name.lower().replace("-", "_")
    if name in SYNONYMS:
        return [SYNONYMS[name]]
    return [key for key in all_keys() if f".{key}".endswith(f".{name}")][:3]


@cache
def all_keys() -> tuple[str, ...]:
    """Return every key of the configuration, sections included."""
    return tuple(dict.fromkeys(_keys(Config, "")))


def _keys(section: type[Section], prefix: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield prefix + name
        for subsection in sections_in(field.annotation):
            yield from _keys(subsection, f"{prefix}{name}.")
