"""The names that can be asked for, read from source files without importing torch."""

import re
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from cnncompare.errors import ModelError, closest

SOURCES = ("own", "torchvision", "timm")
_OWN = re.compile(r"^@register\(\s*\"([\w.+-]+)\"", re.MULTILINE)
_BUILDER = re.compile(r"^@register_model(?:\([^)]*\))?\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)
# torchvision registers detection and segmentation below these folders; they are no classifiers.
_NO_CLASSIFIERS = ("detection", "segmentation", "optical_flow", "video", "quantization")


@cache
def own_files() -> dict[str, str]:
    """Return the module, within cnncompare.models, of each of the project's own networks."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return {name: file.stem for file in files for name in _OWN.findall(file.read_text("utf-8"))}


@cache
def known_names(source: str) -> list[str]:
    """Return the names of `source` (own, torchvision or timm), sorted.

    Raises ModelError for an unknown source or a library that is not installed.
    """
    if source == "own":
        return sorted(own_files())
    if source not in SOURCES:
        raise ModelError(
            f"unknown model.source={source}{closest(source, SOURCES)} (known: {', '.join(SOURCES)})"
        )
    files = [
        file for file in _package(source).rglob("*.py") if file.parent.name not in _NO_CLASSIFIERS
    ]
    return sorted(name for file in files for name in _BUILDER.findall(file.read_text("utf-8")))


def check_name(source: str, name: str, also: Iterable[str] = ()) -> None:
    """Raise ModelError, with the closest names (`also` a user's own), when `source` has no `name`.

    A timm name may carry the tag of its weights, as in resnet50.a1_in1k; the tag is not checked.
    """
    known = known_names(source)
    if (name.split(".")[0] if source == "timm" else name) in known:
        return
    elsewhere = [other for other in SOURCES if other != source and name in known_names(other)]
    where = f"; model.source={elsewhere[0]} has it" if elsewhere else closest(name, [*known, *also])
    raise ModelError(f"unknown model {name!r} of source {source}{where}")


def _package(source: str) -> Path:
    # find_spec of the top-level package does not import it.
    spec = find_spec(source)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            f"model.source={source} needs the package {source}, which is not installed"
        )
    return Path(spec.submodule_search_locations[0]) / "models"
