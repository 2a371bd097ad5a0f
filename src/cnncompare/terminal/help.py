"""Help and versions that the command line prints."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

DOCUMENTATION = "https://github.com/cnncompare/cnncompare/tree/main/docs"
_USAGE = """\
usage: cnncompare [overrides]      train one network, test it once and write a run record
       cnncompare -m [overrides]   train one network per combination of the values (sweep)
       cnncompare COMMAND ...      one of the commands below; COMMAND --help describes it
"""
_EXAMPLES = """
examples:
  cnncompare quickstart                                  # a first comparison, no download
  cnncompare model=resnet18 trainer.max_epochs=10        # CIFAR-10, downloaded once
  cnncompare -m name=study model=lenet5,resnet20 seeds=3 data=digits
  cnncompare report outputs/study
"""
_PACKAGES = ("torch", "torchvision", "pytorch-lightning", "hydra-core", "omegaconf")


def help_text(summaries: Mapping[str, str]) -> str:
    """Return the overview that `cnncompare` prints without arguments.

    `summaries` has a line for each command.
    """
    width = max(map(len, summaries))
    commands = "".join(f"  {name:{width}}  {text}\n" for name, text in sorted(summaries.items()))
    return (
        f"{_USAGE}\ncommands:\n{commands}{_EXAMPLES}\n"
        "--help lists the options of each config group, --cfg job prints all keys.\n"
        f"Documentation: {DOCUMENTATION}"
    )


def version_text() -> str:
    """Return the versions of cnncompare and of the packages that determine its results."""
    lines = [f"cnncompare {version('cnncompare')}"]
    return "\n".join(lines + [f"{package} {_version(package)}" for package in _PACKAGES])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "is not installed"
