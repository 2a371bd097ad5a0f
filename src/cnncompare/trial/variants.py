"""The runs of a trial: the overrides of each variant, their sweeps, and their folders."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnncompare.config.compose import compose_config
from cnncompare.config.schema import Config
from cnncompare.system.cores import available_core_ids
from cnncompare.trial.files import Trial
from cnncompare.trial.options import TrialOptions, seeds_of

# of --full, before the overrides of the trial's file: CIFAR-10 as in He et al. 2015, section 4.2
FULL = (
    *("data=cifar10", "data.image_size=null", "data.batch_size=128", "data.limit_train=null"),
    *("data.test_fraction=0.2", "data.val_fraction=0.1", "data.selection=best"),
    *("data.augment.crop_padding=4", "data.augment.flip=true", "trainer.accelerator=auto"),
)


@dataclass(frozen=True)
class TrialVariant:
    """A variant with the configuration of its first run; its runs differ in the seed."""

    label: str
    overrides: tuple[str, ...]
    config: Config
    seeds: tuple[int, ...]

    def folders(self) -> list[Path]:
        """Return the folders of the runs."""
        return [self.config.model_copy(update={"seed": s}).run_folder() for s in self.seeds]


def common_overrides(trial: Trial, options: TrialOptions) -> list[str]:
    """Return the overrides of all runs of a trial, without seeds."""
    full = [f"name={trial.study}_full", *FULL, *trial.config.full] if options.full else []
    given = [o for o in options.overrides if not o.startswith("seeds=")]
    return [*full, *given]


def compose_variants(trial: Trial, options: TrialOptions) -> list[TrialVariant]:
    """Return the variants with their configurations; raises ConfigError for an invalid one."""
    count = seeds_of(options.overrides, trial.config.seeds)
    common = common_overrides(trial, options)
    found = []
    for label, text in trial.config.variants.items():
        first = trial.config.first_seeds.get(label, 0)
        overrides = tuple(text.split())
        config = compose_config([trial.option, *overrides, *common, f"seed={first}"])
        found.append(TrialVariant(label, overrides, config, tuple(range(first, first + count))))
    return found


def trial_sweeps(
    trial: Trial, variants: Sequence[TrialVariant], options: TrialOptions
) -> list[list[str]]:
    """Return the arguments of the sweeps: one for each first seed."""
    by_seeds: dict[tuple[int, ...], list[TrialVariant]] = defaultdict(list)
    for variant in variants:
        by_seeds[variant.seeds].append(variant)
    workers = min(2, len(available_core_ids()))  # small networks do not use two cores well
    return [
        [
            *("-m", trial.option, f"sweep.workers={workers}"),
            f"sweep.jobs=[{','.join(_quoted(v.overrides) for v in members)}]",
            *common_overrides(trial, options),
            f"seed={','.join(map(str, seeds))}",
        ]
        for seeds, members in by_seeds.items()
    ]


def _quoted(overrides: Sequence[str]) -> str:
    return '"' + " ".join(overrides) + '"'
