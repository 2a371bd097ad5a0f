"""Names of networks and versions of weights, read from source files without importing torch."""

import os
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from cnncompare.errors import ModelError, closest

SOURCES = ("own", "torchvision", "timm")
FILE_ENDINGS = (".pth", ".pt", ".ckpt", ".bin", ".safetensors")
_REGISTRATION = re.compile(r"^@register\(\s*\"([\w.+-]+)\"", re.MULTILINE)
_LIBRARY_BUILDER = re.compile(
    r"^@register_model(?:\([^)]*\))?\n(?:@.*\n)*def (\w+)\(", re.MULTILINE
)
# Folders of torchvision whose networks are not classifiers.
_NOT_CLASSIFIERS = ("detection", "segmentation", "optical_flow", "video", "quantization")


@cache
def zoo_modules() -> dict[str, str]:
    """Return the module below cnncompare.models.zoo of each network of this project, by name."""
    paths = sorted((Path(__file__).parents[1] / "zoo").glob("*.py"))
    texts = {path.stem: path.read_text("utf-8") for path in paths}
    return {name: module for module, text in texts.items() for name in _REGISTRATION.findall(text)}


@cache
def known_names(source: str) -> list[str]:
    """Return the names of `source` (own, torchvision or timm), sorted.

    Raises ModelError for an unknown source or a library that is not installed.
    """
    if source == "own":
        return sorted(zoo_modules())
    if source not in SOURCES:
        raise ModelError(
            f"unknown model.source={source}{closest(source, SOURCES)} (known: {', '.join(SOURCES)})"
        )
    return sorted(_LIBRARY_BUILDER.findall(_source(source)))


def check_name(source: str, name: str, also: Iterable[str] = ()) -> None:
    """Raise ModelError with the closest names if `source` has no network `name`.

    `also` holds further names to suggest, those that a user's module registered. A timm name may
    end in the tag of its weights, as in resnet50.a1_in1k; the tag is not checked.
    """
    known = known_names(source)
    if (name.split(".")[0] if source == "timm" else name) in known:
        return
    elsewhere = [other for other in SOURCES if other != source and name in known_names(other)]
    where = f"; model.source={elsewhere[0]} has it" if elsewhere else closest(name, [*known, *also])
    raise ModelError(f"unknown model {name!r} of source {source}{where}")


def is_file(weights: str) -> bool:
    """Return whether `weights` has the form of a file's path, not of a version."""
    return "/" in weights or os.sep in weights or weights.lower().endswith(FILE_ENDINGS)


def check_weights(
    source: str, name: str, weights: str | None, weights_map: str = "by_name"
) -> None:
    """Raise ModelError for an unknown version of `weights`, or for "by_order" without a file.

    Some versions are not listed in the library's source, such as those of some timm transformers.
    They are checked when the weights are loaded.
    """
    from_file = weights is not None and is_file(weights)
    if weights_map == "by_order" and not from_file:
        raise ModelError(
            f"model.weights_map=by_order needs a file, and model.weights={weights} is not a file: "
            "use a path such as weights.pth, or model.weights_map=by_name"
        )
    if weights is None or from_file:
        return
    known = listed_versions(source, name)
    if known or source == "own":
        check_version(source, name, weights, known)


def check_version(source: str, name: str, weights: str, known: Sequence[str]) -> None:
    """Raise ModelError with the closest versions if `weights` is not among the `known` ones."""
    if not known:
        raise ModelError(
            f"{name} of source {source} has no pretrained weights, got model.weights={weights}: "
            "use the path of a file, such as weights.pth"
        )
    if weights not in known:
        raise ModelError(
            f"{name} has no weights {weights!r}{closest(weights, known)} "
            f"(known: {', '.join(known)})"
        )


def listed_versions(source: str, name: str) -> list[str]:
    """Return the versions of the weights of `name` in the source files of the library."""
    if source == "timm":
        arch = re.escape(name.split(".")[0])
        tags = re.findall(rf"""["']{arch}\.(\w+)["']""", _source(source))
        return [tag for tag in dict.fromkeys(tags) if tag != "untrained"]
    if source == "torchvision":
        builder = rf"^def {re.escape(name)}\([^)]*?weights: Optional\[(\w+)\]"
        enum = re.search(builder, _source(source), re.MULTILINE)
        body = enum and re.search(rf"^class {enum[1]}\(.*\n((?: .*\n|\n)+)", _source(source), re.M)
        return re.findall(r"^    (\w+) = Weights\(", body[1], re.MULTILINE) if body else []
    return []


@cache
def _source(source: str) -> str:
    """Return the concatenated source of a library's modules with classifiers."""
    paths = sorted(_models_folder(source).rglob("*.py"))
    return "\n".join(
        path.read_text("utf-8") for path in paths if path.parent.name not in _NOT_CLASSIFIERS
    )


def _models_folder(source: str) -> Path:
    # find_spec does not import a top-level package.
    spec = find_spec(source)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            f"model.source={source} needs the package {source}, which is not installed"
        )
    return Path(spec.submodule_search_locations[0]) / "models"
