"""Command line: dispatches to a subcommand or to Hydra; imports no torch."""

import re
import signal
import sys
from importlib import import_module
from typing import Any, NamedTuple

from cnncompare.errors import CnncompareError, ConfigError, Interrupted, OutputError, closest
from cnncompare.language.catalogue import in_language, marked, tr, use_language
from cnncompare.system.openmp import limit_spinning
from cnncompare.system.signals import CONTINUES, ExitAtOnce
from cnncompare.system.working_folder import remember_working_folder
from cnncompare.terminal.help import help_text, version_text
from cnncompare.terminal.streams import is_output_lost, keep_writing, output_error


class Subcommand(NamedTuple):
    """A command: the module with its ``main(argv)``, and a line of help."""

    module: str
    summary: str


SUBCOMMANDS = {
    "bench": Subcommand("cnncompare.bench.command", "measure throughput on this machine"),
    "data": Subcommand("cnncompare.data.audit.command", "audit a data set: counts, duplicates"),
    "explain": Subcommand("cnncompare.explain.command", "explain a network: layers, drawing, idea"),
    "export": Subcommand("cnncompare.export.command", "the network of a run as ONNX, weights, ..."),
    "models": Subcommand("cnncompare.models.catalog.command", "list the available networks"),
    "plan": Subcommand("cnncompare.sweep.plan", "estimate the cost of a sweep without training"),
    "predict": Subcommand("cnncompare.inference.command", "classify images with finished runs"),
    "quickstart": Subcommand(
        "cnncompare.sweep.quickstart", "compare four networks on included images"
    ),
    "report": Subcommand("cnncompare.report.command", "compare runs: tables, tests, report.html"),
    "robustness": Subcommand(
        "cnncompare.robustness.command", "accuracy on corrupted test images, CIFAR-10-C"
    ),
    "schema": Subcommand(
        "cnncompare.config.schema_command", "JSON Schema of the configuration, for editors"
    ),
    "settle": Subcommand(
        "cnncompare.sweep.settle_options", "train further seeds until the best network is known"
    ),
    "status": Subcommand("cnncompare.sweep.status", "what runs, waits, finished, failed"),
    "tensorboard": Subcommand(
        "cnncompare.report.board_command", "start TensorBoard with short names of the runs"
    ),
    "trial": Subcommand("cnncompare.trial.command", "put claims of the classic papers to the test"),
    "tune": Subcommand(
        "cnncompare.sweep.tune_options", "the same number of tuning trials for each network"
    ),
}
# commands of other programs; a run here needs none
_RUN_COMMANDS = ("evaluate", "fit", "run", "test", "train")


def main() -> None:
    """Run the command line of this process and exit with its code."""
    keep_writing()
    limit_spinning()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Return the exit code: 0, 2 for a user's mistake, 1 for a failed run, 128 + a signal."""
    try:
        if arguments in ([], ["help"], ["--version"]):
            print(version_text() if "--version" in arguments else _overview())
            _check_output()
            return 0
        _check_working_folder()
        if re.match(r"[^-+~=]+$", arguments[0]):
            return _run_subcommand(arguments[0], arguments[1:])
        with ExitAtOnce():
            return _run_hydra(arguments)
    except CnncompareError as error:
        print(f"cnncompare: {error}", file=sys.stderr)
        return error.exit_code
    except Interrupted as interruption:
        print(f"cnncompare: {interruption}; {CONTINUES}", file=sys.stderr)
        return interruption.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _check_working_folder() -> None:
    """Raise OutputError if the working folder was deleted; later, its deletion ends no run."""
    try:
        remember_working_folder()
    except FileNotFoundError:
        raise OutputError("the working folder has been deleted; change to another one") from None


def _overview() -> str:
    return help_text({name: command.summary for name, command in SUBCOMMANDS.items()})


def _run_subcommand(name: str, arguments: list[str]) -> int:
    if name == "help":
        return _run_subcommand(arguments[0], ["--help", *arguments[1:]])
    if name in ("plan", "settle", "tune"):
        return _run_with_overrides(name, arguments)
    if name == "quickstart":
        return _run_quickstart(arguments)
    if name == "trial":
        return _run_trial(arguments)
    if name not in SUBCOMMANDS:
        raise ConfigError(_unknown_command(name, arguments))
    code: int = import_module(SUBCOMMANDS[name].module).main(arguments)
    _check_output()
    return code


def _unknown_command(name: str, arguments: list[str]) -> str:
    if name in _RUN_COMMANDS:
        _refuse_flags(arguments)
        return f"there is no command {name!r}: overrides alone start a run, as in model=lenet5"
    from cnncompare.models.catalog.table import read_table

    networks = [row["name"] for row in read_table() if row["name"] == name.lower()]
    if networks:
        return f"unknown command {name!r}; to train this network: model={networks[0]}"
    return (
        f"unknown command {name!r}{closest(name, SUBCOMMANDS)} "
        f"(commands: {', '.join(SUBCOMMANDS)}; an override has the form key=value)"
    )


def _refuse_flags(arguments: list[str]) -> None:
    """Raise ConfigError with the equivalent overrides, if there are options of scripts."""
    from cnncompare.config.script_flags import refuse_script_flags

    refuse_script_flags(arguments, known=["--help"])


def _prints_usage(usage: str, arguments: list[str]) -> bool:
    """Print the usage of a command and return True if the arguments ask for it."""
    if not {"-h", "--help"} & set(arguments):
        return False
    print(usage)
    _check_output()
    return True


def _run_with_overrides(name: str, arguments: list[str]) -> int:
    """Run a command whose module turns its arguments into those for Hydra."""
    module = import_module(SUBCOMMANDS[name].module)
    if _prints_usage(module.USAGE, arguments):
        return 0
    with ExitAtOnce():
        return _run_hydra(getattr(module, f"{name}_arguments")(arguments))


def _run_quickstart(arguments: list[str]) -> int:
    from cnncompare.report.command import main as report
    from cnncompare.sweep.quickstart import NEXT_STEPS, USAGE, study_folder, study_language, sweeps

    if _prints_usage(USAGE, arguments):
        return 0
    with ExitAtOnce():
        for sweep in sweeps(arguments):
            _run_hydra(sweep)
    study, name = study_folder(arguments), study_language(arguments)
    code = report([str(study)] if name == "en" else [str(study), "--language", name])
    with in_language(name):
        print("\n" + tr(NEXT_STEPS, study=study))
    _check_output()
    return code


def _run_trial(arguments: list[str]) -> int:
    from cnncompare.trial.command import USAGE, run_trials

    if _prints_usage(USAGE, arguments):
        return 0
    with ExitAtOnce():
        code = run_trials(arguments, _run_hydra)
    _check_output()
    return code


def _run_hydra(arguments: list[str]) -> int:
    from cnncompare.config.arguments import read_arguments
    from cnncompare.sweep.hydra_application import call_hydra
    from cnncompare.sweep.overrides import expand_repetitions

    parsed = read_arguments(expand_repetitions(arguments))
    if parsed.options.help:
        print(_overview())
    if parsed.shows_jobs:
        call_hydra(parsed.for_jobs(), _run_one)
    else:
        if parsed.shows_config:
            call_hydra(parsed.for_validation(), _validate)
        call_hydra(parsed.for_hydra(), _run_one)
    if parsed.only_prints:
        _check_output()
    elif is_output_lost():
        print(
            "cnncompare: standard output could not be written; the lines are in each run's run.log",
            file=sys.stderr,
        )
    return 0


def _check_output() -> None:
    """Raise OutputError if standard output could not be written; a closed pipe is no error."""
    error = output_error()
    if error is not None:
        raise OutputError(f"cannot write to standard output: {error.strerror}")


def _validate(composed: Any) -> None:
    from cnncompare.config.validation import validate

    validate(composed)


def _run_one(composed: Any) -> float | None:
    """Run one configuration; return its validation accuracy, the objective of sweepers."""
    from cnncompare.config.validation import validate
    from cnncompare.runs.lifecycle import finished_run
    from cnncompare.sweep.launched_job import runs_in_parallel
    from cnncompare.system.ranks import is_rank_zero
    from cnncompare.training.changed_data import check_data_unchanged
    from cnncompare.training.preflight import preflight

    config = validate(composed)
    use_language(config.language)
    run = finished_run(config)
    if run is not None:
        note = check_data_unchanged(config)
        if note:
            print(f"cnncompare: note: {note}", file=sys.stderr)
        message = marked("already finished; force=true runs it again: {folder}")
        print(tr(message, folder=run.folder))
    else:
        preflight(config)
        if is_rank_zero():  # importing torch and Lightning takes seconds
            message = marked("{model} on {data}: starting")
            print(tr(message, model=config.model.name, data=config.data.name), flush=True)
        from cnncompare.training.train import train

        argv = ["python", "-m", "cnncompare", *_overrides()]
        run = train(config, argv=argv, clocks_shared=runs_in_parallel())
    if is_rank_zero():
        from cnncompare.terminal.result import print_run_result

        print_run_result(run)
    return run.record.best.val_acc1


def _overrides() -> list[str]:
    """Return the arguments of this run; in a sweep, the overrides of the job."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    hydra = HydraConfig.get()
    return list(hydra.overrides.task) if hydra.mode is RunMode.MULTIRUN else sys.argv[1:]
