"""Refusal to show or resume a run whose data have changed since; imports no torch."""

from cnncompare.config.schema import Config
from cnncompare.data.file_states import describe_changes, from_json, is_gone
from cnncompare.errors import DataError
from cnncompare.runs.lifecycle import is_finished, reusable_run
from cnncompare.runs.run import DATA_FILES


def check_data_unchanged(config: Config) -> str:
    """Return a note if a finished run's data are gone, otherwise "".

    Raises DataError if the run of this configuration is finished or to be resumed, and its data
    differ from the files on disk. Runs of earlier versions, which recorded no files, are accepted.
    """
    run = reusable_run(config)
    file = run and run.folder / DATA_FILES
    states = from_json(file.read_bytes()) if file and file.exists() else None
    if run is None or not states:
        return ""
    if is_gone(config.data):
        note = f"data.root={config.data.root} no longer holds the data of this run"
        return note if is_finished(run) else ""
    changes = describe_changes(config.data, states)
    if changes:
        raise DataError(
            f"the images changed since that run ({changes}); force=true "
            f"{'trains' if config.trains else 'tests'} anew and keeps the old record: {run.folder}"
        )
    return ""
