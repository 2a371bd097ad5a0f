"""Arguments of ``cnncompare trial``; imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnncompare.errors import ConfigError, closest

USAGE = """\
usage: cnncompare trial [NAME ...] [overrides] [--list] [--full] [--json]

Put claims of the classic papers to the test: train the variants of each trial with several seeds,
judge the claim by the tests of the report, and write one page. Without names, all twelve claims and
the two planted controls run. Interrupted trials continue with the same command.

  NAME       names of trials, such as relu lrn; see --list
  overrides  for every run, as in seeds=8 or data.root=PHOTOS; output_root=DIR names the folder
  --list     list the trials with their claims and minutes, and run nothing
  --full     the published networks on the whole of CIFAR-10, for a GPU
  --json     print one JSON object with the verdicts; everything else goes to standard error"""

_OPTIONS = ("--list", "--full", "--json")


@dataclass(frozen=True)
class TrialOptions:
    """The names of trials, the overrides of their runs, and the switches."""

    names: tuple[str, ...]
    overrides: tuple[str, ...]
    list: bool
    full: bool
    json: bool

    @property
    def output_root(self) -> str:
        """The folder of the studies and of the page."""
        roots = [o.partition("=")[2] for o in self.overrides if o.startswith("output_root=")]
        return roots[-1] if roots else "outputs"


_CHOSEN = ("seed", "name", "experiment", "sweep.jobs", "folds", "holdouts")


def parse_arguments(arguments: Sequence[str]) -> TrialOptions:
    """Return the options; raises ConfigError for unknown ones and overrides that trials choose."""
    switches = [a for a in arguments if a.startswith("-")]
    for switch in switches:
        if switch not in _OPTIONS:
            raise ConfigError(
                f"trial: unknown option {switch}{closest(switch, _OPTIONS)} "
                f"(options: {', '.join(_OPTIONS)})"
            )
    overrides = tuple(a for a in arguments if "=" in a and not a.startswith("-"))
    for override in overrides:
        key = override.lstrip("+").partition("=")[0]
        if key in _CHOSEN:
            advice = "; for more runs, seeds=8" if key == "seed" else ""
            raise ConfigError(f"trial: {override}: a trial chooses {key} itself{advice}")
    names = tuple(a for a in arguments if "=" not in a and not a.startswith("-"))
    return TrialOptions(
        names,
        overrides,
        list="--list" in switches,
        full="--full" in switches,
        json="--json" in switches,
    )


def seeds_of(overrides: Sequence[str], default: int) -> int:
    """Return the seeds of each variant; raises ConfigError for an invalid number."""
    given = [o.partition("=")[2] for o in overrides if o.startswith("seeds=")]
    if not given:
        return default
    if not (given[-1].isascii() and given[-1].isdigit() and 1 <= int(given[-1]) <= 1000):
        raise ConfigError(
            f"seeds={given[-1]}: expected a positive number of seeds, such as seeds=4"
        )
    return int(given[-1])
