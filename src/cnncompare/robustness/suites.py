"""Sets of changed test images: those that are made here, CIFAR-10-C and CIFAR-10.1.

The corruptions that are made here need the data of the runs. Imports no torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnncompare.data.corruptions import CORRUPTIONS, SEVERITIES
from cnncompare.errors import ConfigError, closest
from cnncompare.robustness.released import ReleasedImages, open_cifar10_1, open_cifar10_c
from cnncompare.runs.robustness_file import CIFAR10_1, CIFAR10_C, CLEAN, GENERATED, Cell


@dataclass(frozen=True)
class Suite:
    """A set of changed images with the cells to evaluate; `published` are the images of a file."""

    name: str
    cells: tuple[Cell, ...]
    released: ReleasedImages | None = None

    @property
    def all_cells(self) -> tuple[Cell, ...]:
        """The cells, after the clean images of a set that is made here."""
        return self.cells if self.released else (CLEAN, *self.cells)


def choose_suites(
    corruptions: str | None, severities: str | None, cifar10_c: str | None, cifar10_1: str | None
) -> list[Suite]:
    """Return the sets to evaluate, the published ones in place of those that are made here.

    Raises ConfigError for unknown corruptions and severities, DataError for files that are missing
    or are not the published ones.
    """
    levels = _severities(severities)
    suites = []
    if cifar10_c is not None:
        images = open_cifar10_c(Path(cifar10_c).expanduser(), _listed(corruptions))
        suites.append(Suite(CIFAR10_C, _product(images.names, levels), images))
    if cifar10_1 is not None:
        images = open_cifar10_1(Path(cifar10_1).expanduser())
        suites.append(Suite(CIFAR10_1, images.all_cells(), images))
    if suites:
        return suites
    chosen = _known(_listed(corruptions), tuple(CORRUPTIONS))
    return [Suite(GENERATED, _product(chosen, levels))]


def _product(corruptions: Sequence[str], severities: Sequence[int]) -> tuple[Cell, ...]:
    return tuple((name, severity) for name in corruptions for severity in severities)


def _listed(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _known(chosen: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    if chosen is None:
        return list(known)
    for name in chosen:
        if name not in known:
            raise ConfigError(
                f"robustness: --corruptions {name}: there is no such corruption"
                f"{closest(name, known)} (corruptions: {', '.join(known)})"
            )
    if not chosen:
        raise ConfigError(f"robustness: --corruptions names none of {', '.join(known)}")
    return list(chosen)


def _severities(text: str | None) -> list[int]:
    chosen = _listed(text)
    if chosen is None:
        return list(SEVERITIES)
    if not chosen or not set(chosen) <= set(map(str, SEVERITIES)):
        raise ConfigError(f"robustness: --severities {text}: expected some of 1,2,3,4,5")
    return sorted(map(int, chosen))
