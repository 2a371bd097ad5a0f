"""The run whose trained network is explained; imports no torch."""

from pathlib import Path

from cnncompare.errors import DataError, ModelError
from cnncompare.explain.subject import Subject
from cnncompare.inference.choose_runs import read_runs
from cnncompare.inference.saved_settings import saved_settings
from cnncompare.runs.run import Run


def choose_run(folder: Path, subject: Subject, image_size: int | None) -> Run:
    """Return the finished run at or below a folder.

    Raises DataError for a folder with no run, several runs or one that is not finished, and
    ModelError if its network or its image size is another one.
    """
    runs = read_runs(folder)
    if len(runs) > 1:
        raise DataError(f"{folder} holds {len(runs)} runs; give the folder of one of them")
    (run,) = runs
    built = saved_settings(run).built
    if (built.name, built.source) != (subject.name, subject.source):
        raise ModelError(
            f"the network of {folder} is {built.name} of source {built.source}, not "
            f"{subject.name} of source {subject.source}: use explain {built.name}"
        )
    if image_size not in (None, built.input_size[1]):
        raise ModelError(
            f"the images of {folder} have {built.input_size[1]} pixels, got --image-size "
            f"{image_size}: leave it out"
        )
    return run
