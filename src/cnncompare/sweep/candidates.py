"""Candidates of ``cnncompare settle``: the jobs of a sweep that share a protocol; no torch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from cnncompare.comparison.load import flatten
from cnncompare.config.schema import Config
from cnncompare.config.validation import validate
from cnncompare.errors import ConfigError
from cnncompare.sweep.job_state import Job
from cnncompare.sweep.run_sweep import make_jobs

# what may differ between the candidates: the network and how it is optimised
_FREE = ("model", "optimizer", "scheduler", "loss", "seed", "logger", "display", "sweep", "force")
_FREE_KEYS = (
    *("data.workers", "data.cache_dir", "data.cache_limit_gib"),
    *("trainer.gradient_clip_norm", "trainer.ema_decay", "trainer.threads"),
)


@dataclass(frozen=True)
class Candidate:
    """A network with its settings; its runs differ in their seed, counted from `first_seed`."""

    label: str
    config: Config
    composed: DictConfig
    overrides: tuple[str, ...]

    @property
    def first_seed(self) -> int:
        """The seed of the first run."""
        return self.config.seed

    @property
    def recipe(self) -> str:
        """The hash of all settings but the seed."""
        return self.config.recipe_hash()

    def job(self, number: int, seed: int) -> Job:
        """Return the job that trains the candidate with this seed."""
        composed = self.composed.copy()
        OmegaConf.update(composed, "seed", seed)
        overrides = [text for text in self.overrides if not text.startswith("seed=")]
        return Job(
            number=number,
            config=validate(composed),
            composed=composed,
            overrides=(*overrides, f"seed={seed}"),
            label=f"{self.label} seed={seed}",
        )


def find_candidates(
    configs: Sequence[Config],
    composed: Sequence[DictConfig],
    job_overrides: Sequence[Sequence[str]],
) -> list[Candidate]:
    """Return the candidates; raises ConfigError if the jobs cannot be compared by one race."""
    _check_seeds(configs)
    found = candidates_of(configs, composed, job_overrides)
    if len(found) < 2:
        raise ConfigError(
            f"settle compares networks, but {found[0].label} is the only one; "
            "name two or more, as in model=lenet5,resnet20"
        )
    check_protocol(found)
    return found


def candidates_of(
    configs: Sequence[Config],
    composed: Sequence[DictConfig],
    job_overrides: Sequence[Sequence[str]],
) -> list[Candidate]:
    """Return a candidate for each recipe, labelled with its network or, if needed, its job."""
    jobs: dict[str, Job] = {}  # two jobs of one recipe are one candidate
    for job in make_jobs(configs, composed, job_overrides):
        jobs.setdefault(job.config.recipe_hash(), job)
    names = Counter(job.config.model.name for job in jobs.values())
    return [
        Candidate(
            job.config.model.name if names[job.config.model.name] == 1 else job.label,
            job.config,
            job.composed,
            job.overrides,
        )
        for job in jobs.values()
    ]


def _check_seeds(configs: Sequence[Config]) -> None:
    seeds = sorted({config.seed for config in configs})
    if len(seeds) > 1:
        raise ConfigError(
            f"the sweep has the seeds {', '.join(map(str, seeds))}; settle chooses the seeds "
            "itself: leave them out, or name the first one, as in seed=0"
        )
    folders = sorted({str(config.run_folder().parent) for config in configs})
    if len(folders) > 1:
        raise ConfigError(
            f"the runs would lie in {folders[0]} and {folders[1]}; one race has one folder: give "
            "one name and one output_root"
        )
    if any(config.force for config in configs):
        raise ConfigError(
            "force=true would repeat the runs whenever settle continues; leave it out"
        )
    for config in configs:
        found = config.trainer.shortening_options
        if found:
            raise ConfigError(
                f"{found[0]}: settle compares whole trainings; leave it out, or use cnncompare -m"
            )
    if not all(config.trains for config in configs):
        raise ConfigError(
            "trainer.max_epochs=0 trains nothing, and a test of fixed weights has no seeds to add; "
            "use cnncompare -m, and report"
        )


def check_protocol(candidates: Sequence[Candidate]) -> None:
    """Raise ConfigError unless the candidates share data and training."""
    first = _protocol(candidates[0].config)
    for other in candidates[1:]:
        values = _protocol(other.config)
        for key in dict.fromkeys([*first, *values]):
            if first.get(key) != values.get(key):
                raise ConfigError(
                    f"candidates must share data and training: {key} is {first.get(key)} for "
                    f"{candidates[0].label}, but {values.get(key)} for {other.label}"
                )


def _protocol(config: Config) -> dict[str, Any]:
    """Return what comparable runs share, with dotted keys."""
    flat = flatten(config.model_dump(exclude=set(_FREE)))
    return {key: value for key, value in flat.items() if key not in _FREE_KEYS}
