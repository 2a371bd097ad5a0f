"""The 1,000 classes of ImageNet-1k: sorted WordNet ids and their names, without torch."""

import re
from collections import Counter
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

WNID = re.compile(r"n\d{8}")


def synsets() -> tuple[str, ...]:
    """Return the sorted wnids, such as n01440764, in the order of the networks' outputs."""
    return _lists()[0]


@cache
def label_by_wnid() -> dict[str, int]:
    """Return the label, 0 to 999, of each wnid."""
    return {wnid: label for label, wnid in enumerate(synsets())}


def descriptions() -> tuple[str, ...]:
    """Return all names of each class, such as "tench, Tinca tinca", in the order of `synsets`."""
    return _lists()[1]


def distinct_class_names() -> list[str]:
    """Return one name per class, with the wnid if two classes share a name, such as "crane"."""
    names = [description.split(",")[0].strip() for description in descriptions()]
    counts = Counter(names)
    return [
        name if counts[name] == 1 else f"{name} ({wnid})"
        for name, wnid in zip(names, synsets(), strict=True)
    ]


def find_wnids(name: str) -> list[str]:
    """Return the wnids of the classes with this name; case, `_` and `-` are ignored."""
    return _wnids_by_name().get(_normalize_name(name), [])


@cache
def _wnids_by_name() -> dict[str, list[str]]:
    wnids: dict[str, list[str]] = {}
    for wnid, description in zip(synsets(), descriptions(), strict=True):
        for name in {_normalize_name(name) for name in description.split(",")}:
            wnids.setdefault(name, []).append(wnid)
    return wnids


def _normalize_name(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


@cache
def _lists() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return wnids and descriptions, read from timm's files because timm imports torch."""
    wnids, lemmas = (
        _timm_folder() / f"imagenet_{name}.txt" for name in ("synsets", "synset_to_lemma")
    )
    if not wnids.exists() or not lemmas.exists():  # a version of timm with other file names
        from timm.data.imagenet_info import ImageNetInfo

        info: Any = ImageNetInfo()
        return tuple(info.label_names()), tuple(info.label_descriptions())
    order = tuple(wnids.read_text().split())
    lines = (line.split("\t") for line in lemmas.read_text(encoding="utf-8").splitlines())
    names = {line[0]: line[1] for line in lines if len(line) == 2}
    return order, tuple(names[wnid] for wnid in order)


def _timm_folder() -> Path:
    spec = find_spec("timm")
    folders = spec.submodule_search_locations if spec is not None else None
    return Path(folders[0] if folders else ".") / "data" / "_info"
