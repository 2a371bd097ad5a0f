"""`python -m cnncompare bench`: measure the speed of this machine, model and tool; no torch."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cnncompare.errors import ConfigError, OutputError
from cnncompare.system.argument_parser import CommandParser

if TYPE_CHECKING:
    from cnncompare.config.schema import Config


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        "bench",
        description="Measure the speed of pipeline, loop and model as configured, beside a plain "
        "PyTorch loop. Nothing is kept.",
        allow_abbrev=False,
    )
    parser.add_argument("overrides", nargs="*", help="as of a run: model=resnet20 data=synthetic")
    parser.add_argument(
        "--tune", action="store_true", help="try the speed settings for the configured model"
    )
    parser.add_argument(
        "--suite", action="store_true", help="the project's own table of ratios, up to 15 minutes"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="of --suite: write the result")
    parser.add_argument(
        "--data", metavar="PATH", help="of --suite: CIFAR-10 as train/CLASS/ and test/CLASS/"
    )
    return parser


def main(words: list[str]) -> int:
    """Run the command and return its exit code; raises UserError for what cannot be done."""
    asked = _parser().parse_args(words)
    _check(asked)
    if asked.suite:
        return _suite(asked)
    config = _checked(asked.overrides, asked.tune)
    if not config.trains:
        from cnncompare.bench.evaluation import measure_evaluation

        measure_evaluation(config)
    elif asked.tune:
        from cnncompare.bench.tune import tune

        tune(config, asked.overrides)
    else:
        from cnncompare.bench.throughput import measure_throughput

        measure_throughput(config)
    return 0


def _checked(overrides: list[str], tune: bool) -> "Config":
    """Return the configuration; raises UserError for what a run would refuse too."""
    from cnncompare.config.compose import compose_config
    from cnncompare.training.preflight import preflight

    config = compose_config(overrides)
    if config.trainer.processes > 1:
        raise ConfigError(
            f"bench measures one device, not trainer.devices={config.trainer.devices}"
        )
    if not config.trains and (tune or config.data.source != "imagenet"):
        raise ConfigError(
            "bench: trainer.max_epochs=0 measures the test of experiment=imagenet_val alone; "
            "give 1 or more"
        )
    preflight(config)
    return config


def _check(asked: argparse.Namespace) -> None:
    if asked.suite and asked.tune:
        raise ConfigError("bench: --suite and --tune are two commands; give one of them")
    if asked.suite and asked.overrides:
        raise ConfigError(
            f"bench: --suite has its own settings, without {asked.overrides[0]}; "
            "leave --suite out to measure one configuration"
        )
    for name in ("json", "data"):
        if getattr(asked, name) is not None and not asked.suite:
            raise ConfigError(f"bench: --{name} goes with --suite")
    if asked.json is not None:
        folder = Path(os.path.abspath(asked.json)).parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise OutputError(f"cannot write {asked.json}: {folder} is no folder to write to")
        if asked.json.is_dir():
            raise OutputError(f"cannot write {asked.json}: it is a folder; name a file in it")


def _suite(asked: argparse.Namespace) -> int:
    from cnncompare.bench.results import as_json, print_result
    from cnncompare.bench.suite.run_suite import run_suite
    from cnncompare.runs.storage import write_atomically

    result = run_suite(asked.data)
    if asked.json is not None:
        write_atomically(asked.json, as_json(result).encode())
    print_result(result)
    return 0
