"""`python -m cnncompare bench`: measure speed on this machine; imports no torch."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cnncompare.errors import ConfigError, OutputError
from cnncompare.system.argument_parser import CommandParser

if TYPE_CHECKING:
    from cnncompare.config.schema import Config
    from cnncompare.config.trainer import TrainerConfig


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        "bench",
        "Measure the throughput of pipeline, model and training loop for a configuration, compared "
        "with a plain PyTorch loop. No run is written.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "overrides", nargs="*", help="as for a run, for example model=resnet20 data=synthetic"
    )
    parser.add_argument(
        "--tune", action="store_true", help="find the fastest speed settings for the model"
    )
    parser.add_argument(
        "--suite",
        action="store_true",
        help="compare cnncompare with a baseline script, in up to 15 minutes",
    )
    parser.add_argument(
        "--inference",
        action="store_true",
        help="latency for one image and throughput of the network in PyTorch, compiled, and in "
        "onnxruntime",
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="with --suite or --inference: write the results to FILE",
    )
    parser.add_argument(
        "--data", metavar="PATH", help="with --suite: CIFAR-10 as train/CLASS/ and test/CLASS/"
    )
    return parser


def main(argv: list[str]) -> int:
    """Run the command and return its exit code; raises UserError for an invalid request."""
    arguments = _parser().parse_args(argv)
    _check(arguments)
    if arguments.suite:
        return _suite(arguments)
    config = _valid_config(arguments.overrides, arguments.tune)
    if arguments.inference:
        from cnncompare.bench.inference import bench_inference

        bench_inference(config, arguments.json)
    elif not config.trains:
        from cnncompare.bench.evaluation import measure_evaluation

        measure_evaluation(config)
    elif arguments.tune:
        from cnncompare.bench.tune import tune

        tune(config, arguments.overrides)
    else:
        from cnncompare.bench.throughput import measure_throughput

        measure_throughput(config)
    return 0


def _valid_config(overrides: list[str], tune: bool) -> "Config":
    """Return the configuration; raises UserError wherever a run would."""
    from cnncompare.config.compose import compose_config
    from cnncompare.training.preflight import preflight

    config = compose_config(overrides)
    if config.trainer.processes > 1:
        raise ConfigError(
            f"bench: trainer.devices={config.trainer.devices}: only one device can be measured; "
            "use trainer.devices=1"
        )
    _check_whole_epochs(config.trainer)
    if not config.trains and (tune or config.data.source != "imagenet"):
        raise ConfigError(
            "bench: trainer.max_epochs=0 is available for the test of experiment=imagenet_val "
            "only; use 1 or more"
        )
    preflight(config)
    return config


def _check_whole_epochs(trainer: "TrainerConfig") -> None:
    found = trainer.shortening_options
    for name in ("max_steps", "accumulate_grad_batches", "check_val_every_n_epoch", "profiler"):
        value = getattr(trainer, name)
        found += [f"trainer.{name}={value}"] if value not in (None, 1) else []
    if found:
        raise ConfigError(f"bench: {found[0]}: whole epochs are measured; leave it out")


def _check(arguments: argparse.Namespace) -> None:
    chosen = [f"--{mode}" for mode in ("suite", "tune", "inference") if getattr(arguments, mode)]
    if len(chosen) > 1:
        raise ConfigError(f"bench: {' and '.join(chosen)} cannot be combined; use one of them")
    if arguments.suite and arguments.overrides:
        raise ConfigError(
            f"bench: --suite takes no overrides, such as {arguments.overrides[0]}; "
            "omit --suite to measure one configuration"
        )
    if arguments.data is not None and not arguments.suite:
        raise ConfigError("bench: --data requires --suite")
    if arguments.json is not None and not (arguments.suite or arguments.inference):
        raise ConfigError("bench: --json requires --suite or --inference")
    if arguments.json is not None:
        _check_output(arguments.json)


def _check_output(file: Path) -> None:
    folder = Path(os.path.abspath(file)).parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write {file}: {folder} is not a writable folder")
    if file.is_dir():
        raise OutputError(f"cannot write {file}: it is a folder; name a file in it")


def _suite(arguments: argparse.Namespace) -> int:
    from cnncompare.bench.results import print_suite, suite_json
    from cnncompare.bench.suite.run_suite import run_suite
    from cnncompare.runs.storage import write_atomically

    result = run_suite(arguments.data)
    if arguments.json is not None:
        write_atomically(arguments.json, suite_json(result).encode())
    print_suite(result)
    return 0
