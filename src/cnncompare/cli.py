"""The command line: words to a subcommand or to Hydra; imports nothing heavy."""

import os
import re
import signal
import sys
from typing import Any

from cnncompare.errors import CnncompareError, ConfigError, Interrupted, closest
from cnncompare.system.openmp import GOMP_SPINCOUNT

SUBCOMMANDS = {
    "bench": "cnncompare.bench.command",
    "models": "cnncompare.models.catalog.command",
    "plan": "cnncompare.sweep.plan",
    "report": "cnncompare.report.command",
}


def main() -> None:
    """Run the command line of this process and exit with its code."""
    _wait_patiently()
    sys.exit(run(sys.argv[1:]))


def _wait_patiently() -> None:
    """Let torch's threads sleep soon when they wait for a core that another program uses.

    On two cores shared with three other programs an epoch of ResNet-20 took 113 s with the
    default of libgomp, which spins for milliseconds, and 6.6 s with this; the numbers are the
    same. A step of LeNet-5 took 8.5 ms on idle cores, as with more spins; with half as many it
    took 9.2 (n = 8), and beside three busy programs 44 in place of 50 (n = 3).
    It is read when torch is loaded, and jobs inherit it.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", GOMP_SPINCOUNT)


def run(words: list[str]) -> int:
    """Return the exit code: 0, 2 for a user's mistake, 1 for a failed run, 128 + a signal."""
    try:
        if words and re.match(r"[^-+~=]+$", words[0]):
            return _subcommand(words[0], words[1:])
        return _hydra(words)
    except CnncompareError as error:
        print(f"cnncompare: {error}", file=sys.stderr)
        return error.exit_code
    except Interrupted as stop:
        print(f"cnncompare: {stop}; the same command continues", file=sys.stderr)
        return stop.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _subcommand(word: str, rest: list[str]) -> int:
    from importlib import import_module

    if word == "plan":
        return _plan(rest)
    if word not in SUBCOMMANDS:
        raise ConfigError(
            f"unknown command {word!r}{closest(word, SUBCOMMANDS)} "
            f"(commands: {', '.join(SUBCOMMANDS)}; a setting has the form key=value)"
        )
    code: int = import_module(SUBCOMMANDS[word]).main(rest)
    return code


def _plan(arguments: list[str]) -> int:
    from cnncompare.sweep.plan import USAGE, plan_arguments

    if {"-h", "--help"} & set(arguments):
        print(USAGE)
        return 0
    return _hydra(plan_arguments(arguments))


def _hydra(words: list[str]) -> int:
    """Hand the words over to Hydra, and tell its errors in one line."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.plugins import Plugins
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf.errors import OmegaConfBaseException

    from cnncompare.config.files import UserConf, add_user_conf, conf_folder, describe_problem
    from cnncompare.sweep.overrides import expand_seeds

    if any(word.startswith("--experimental-rerun") for word in words):
        raise ConfigError("--experimental-rerun loads a pickle, which can run code; not supported")
    sys.argv[1:] = words = expand_seeds(_sweep_first(words))  # Hydra reads them there
    add_user_conf(words)
    Plugins.instance().register(UserConf)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come up here instead of being printed there
    outcome: list[BaseException] = []

    def job(composed: Any) -> float | None:
        try:
            return _one_run(composed)
        except CnncompareError as error:
            if HydraConfig.get().mode is RunMode.MULTIRUN:
                raise  # in a launcher's own process, from which nothing else comes back
            outcome.append(error)  # Hydra would print more than one line
            return None

    app = hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")
    try:
        app(job)()
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(describe_problem(error)) from None
    if outcome:
        raise outcome[0]
    return 0


def _sweep_first(words: list[str]) -> list[str]:
    """Return the words with -m before all others: argparse takes none that follow it in between."""
    flags = [word for word in words if word in ("-m", "--multirun")]
    return [*flags[:1], *(word for word in words if word not in flags)]


def _one_run(composed: Any) -> float | None:
    """Run what was composed; return the validation accuracy, which a search goes by."""
    from cnncompare.config.validation import validate
    from cnncompare.runs.run import read_existing
    from cnncompare.system.ranks import is_rank_zero
    from cnncompare.training.preflight import preflight

    config = validate(composed)
    existing = read_existing(config.run_folder())
    if existing and existing.record.status == "finished" and not config.force:
        print(f"already finished; force=true runs it again: {existing.folder}")
    else:
        preflight(config)
        if is_rank_zero():  # importing torch and Lightning takes seconds
            print(f"{config.model.name} on {config.data.name}: starting", flush=True)
        from cnncompare.training.train import train

        existing = train(config, argv=["python", "-m", "cnncompare", *_words()])
    if is_rank_zero():
        from cnncompare.terminal.result import print_run_result

        print_run_result(existing)
    return existing.record.best.val_acc1


def _words() -> list[str]:
    """Return this run's own words: of a sweep's job, those of the job."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    hydra = HydraConfig.get()
    return list(hydra.overrides.task) if hydra.mode is RunMode.MULTIRUN else sys.argv[1:]
