"""Races: our training against the usual script, and against a bare loop, epoch by epoch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from cnncompare.bench.processes import Worker, our_environment, usual_environment, workers
from cnncompare.bench.rounds import Goal, Laps, Row, alternate, compare
from cnncompare.config.compose import compose_config

EPOCHS = 10_000  # more than any race has, so that no schedule ends in it
LR = 0.01  # of both sides: the numbers do not matter, but must stay finite


@dataclass(frozen=True)
class Lap:
    """One turn of a variant."""

    seconds: float
    images: int


@dataclass(frozen=True)
class Wanted:
    """A row of a race: which two variants, and whether in images/s or in seconds."""

    name: str
    ours: str
    other: str
    goal: Goal
    seconds: bool = False


@dataclass(frozen=True)
class Race:
    """A network, how many images an epoch has, and what is compared.

    Variants are "default" (ours, default settings), "float32" and "best" (ours, with the words of
    these names in `settings`), "bare" (a bare loop over our batches), "pipeline" (our batches
    alone), "usual" and "usual_pipeline".
    """

    title: str
    words: tuple[str, ...]
    usual_model: str
    n_train: int
    n_val: int
    wanted: tuple[Wanted, ...]
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rounds: int = 5
    budget_s: float = 60.0

    @property
    def variants(self) -> list[str]:
        """Return the variants that the rows need, those of one process side by side."""
        needed = {name for row in self.wanted for name in (row.ours, row.other)}
        return [name for name in HOMES if name in needed]


# variant: the worker it lives in, and the command that it is
HOMES = {
    "usual_pipeline": ("usual", "pipeline"),
    "pipeline": ("default", "pipeline"),
    "usual": ("usual", "epoch"),
    "best": ("best", "epoch"),
    "float32": ("float32", "epoch"),
    "default": ("default", "epoch"),
    "bare": ("default", "bare"),
}


@dataclass(frozen=True)
class Images:
    """The images that all races run on: words for us, a folder for the usual script."""

    words: tuple[str, ...]
    folder: Path
    n_train: int
    n_val: int
    classes: int


def run_race(race: Race, images: Images) -> list[Row]:
    """Return the rows of a race; one whose variant failed says why."""
    race = replace(
        race, n_train=min(race.n_train, images.n_train), n_val=min(race.n_val, images.n_val)
    )
    homes = dict.fromkeys(HOMES[name][0] for name in race.variants)
    asked = {home: _asked(home, race, images) for home in homes}
    ours, usual = our_environment(), usual_environment()
    environments = {home: usual if home == "usual" else ours for home in homes}
    with workers(asked, environments) as started:
        share = race.n_train / images.n_train
        turns = {name: _turn(started, name, share) for name in race.variants}
        # once uncounted: what comes first starts caches, threads and files
        first = {home: partial(worker.ask, "warm") for home, worker in started.items()}
        unwell = alternate(first, rounds=1).failures
        failures = {name: unwell[HOMES[name][0]] for name in turns if HOMES[name][0] in unwell}
        turns = {name: turn for name, turn in turns.items() if name not in failures}
        laps = alternate(turns, rounds=race.rounds, budget_s=race.budget_s)
    laps.failures |= failures
    return [_row(row, laps) for row in race.wanted]


def settings_of(race: Race, row: Wanted, images: Images) -> dict[str, Any]:
    """Return what both sides of a row were, as far as its name does not say."""
    ours = [*race.words, *race.settings.get(row.ours, ())]
    return {
        "ours": " ".join(ours),
        "other": row.other,
        "images_train": min(race.n_train, images.n_train),
        "images_val": min(race.n_val, images.n_val),
    }


def our_words(race: Race, images: Images, home: str) -> list[str]:
    """Return the words of the worker `home` of our side."""
    return [
        *race.words,
        *images.words,
        *race.settings.get(home, ()),
        f"data.limit_train={race.n_train}",
        f"data.limit_val={race.n_val}",
        f"optimizer.lr={LR}",
        f"trainer.max_epochs={EPOCHS}",
        "display.progress=bar",
    ]


def _asked(home: str, race: Race, images: Images) -> dict[str, Any]:
    if home != "usual":
        words = our_words(race, images, home)
        return {"be": "ours", "config": compose_config(words).model_dump(mode="json")}
    return {
        "be": "usual",
        "folder": str(images.folder),
        "model": race.usual_model,
        "classes": images.classes,
        "batch_size": 128,
        "n_train": race.n_train,
        "n_val": race.n_val,
        "lr": LR,
    }


def _turn(started: Mapping[str, Worker], variant: str, share: float) -> Callable[[], Lap]:
    home, command = HOMES[variant]
    return partial(lap, started[home], command, share)


def lap(worker: Worker, command: str, share: float) -> Lap:
    """Return a turn of a worker whose epoch has a `share` of an epoch's images.

    Checkpoints are written once an epoch, however many images it has: of their time the same
    share counts.
    """
    answer = worker.ask(command)
    saving_s = answer.get("saving_s", 0.0) * (1 - share)
    return Lap(answer["seconds"] - saving_s, answer["images"])


def _row(row: Wanted, laps: Laps[Lap]) -> Row:
    for name in (row.ours, row.other):
        if name in laps.failures:
            return Row(row.name, goal=row.goal, reason=f"{name}: {laps.failures[name]}")
    ours, other = (_values(laps.series[name], row.seconds) for name in (row.ours, row.other))
    return compare(row.name, ours, other, row.goal)


def _values(series: list[Lap | None], seconds: bool) -> list[float | None]:
    return [
        None if lap is None else lap.seconds if seconds else lap.images / lap.seconds
        for lap in series
    ]
