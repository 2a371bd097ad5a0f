"""``-m --cfg job``: print the jobs of a sweep as YAML documents; imports no torch."""

from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf


def show_jobs(
    composed: Sequence[DictConfig], job_overrides: Sequence[Sequence[str]], *, resolve: bool
) -> None:
    """Print the overrides of each job in a comment, and its configuration below."""
    for number, (config, overrides) in enumerate(zip(composed, job_overrides, strict=True), 1):
        print(f"---\n# job {number} of {len(composed)}: {' '.join(overrides)}")
        print(OmegaConf.to_yaml(config, resolve=resolve), end="")
