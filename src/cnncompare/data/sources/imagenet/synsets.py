"""The 1,000 classes of ImageNet-1k: WordNet ids in sorted order, and their names; no torch."""

import re
from collections import Counter
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

WNID = re.compile(r"n\d{8}")


def synsets() -> tuple[str, ...]:
    """Return the wnids, such as n01440764, sorted: the order of every network's outputs."""
    return _lists()[0]


@cache
def index_of() -> dict[str, int]:
    """Return the label of each wnid."""
    return {wnid: label for label, wnid in enumerate(synsets())}


def descriptions() -> tuple[str, ...]:
    """Return the names of each class, in the order of `synsets`: "tench, Tinca tinca"."""
    return _lists()[1]


def class_names() -> list[str]:
    """Return one name a class, "tench"; with the wnid where two share it, as the two cranes do."""
    names = [description.split(",")[0].strip() for description in descriptions()]
    counts = Counter(names)
    return [
        name if counts[name] == 1 else f"{name} ({wnid})"
        for name, wnid in zip(names, synsets(), strict=True)
    ]


def wnids_named(name: str) -> list[str]:
    """Return the wnids of the classes that have this among their names, in any case, `_` or `-`."""
    return _wnids_by_name().get(_plain(name), [])


@cache
def _wnids_by_name() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for wnid, description in zip(synsets(), descriptions(), strict=True):
        for name in {_plain(name) for name in description.split(",")}:
            found.setdefault(name, []).append(wnid)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


@cache
def _lists() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return wnids and descriptions from timm's own files; importing it would import torch."""
    wnids, lemmas = (
        _timm_folder() / f"imagenet_{name}.txt" for name in ("synsets", "synset_to_lemma")
    )
    if not wnids.exists() or not lemmas.exists():  # a timm that keeps them elsewhere
        from timm.data.imagenet_info import ImageNetInfo

        info: Any = ImageNetInfo()
        return tuple(info.label_names()), tuple(info.label_descriptions())
    order = tuple(wnids.read_text().split())
    lines = (line.split("\t") for line in lemmas.read_text(encoding="utf-8").splitlines())
    names = {line[0]: line[1] for line in lines if len(line) == 2}
    return order, tuple(names[wnid] for wnid in order)


def _timm_folder() -> Path:
    spec = find_spec("timm")
    places = spec.submodule_search_locations if spec is not None else None
    return Path(places[0] if places else ".") / "data" / "_info"
