"""The report's verdict and figures for TensorBoard's tabs Text and Images."""

import time
from contextlib import suppress
from pathlib import Path

from cnncompare.plotting.tensorboard import image_summary, silence_event_writers, text_summary
from cnncompare.report.charts.figure import Figure
from cnncompare.runs.run import COMPARISON_EVENTS

VERDICT = "comparison/verdict"  # before the runs' configurations in the tab Text
_EARLIER_FOLDER = "report"  # in which earlier versions wrote the file, as a run of that name


def write_events(
    verdict: str, figures: list[Figure], stems: dict[str, str], png_folder: Path, to: Path
) -> None:
    """Write the verdict, in Markdown, and the figures as an event file into the folder `to`.

    It replaces an earlier one and lies beside the runs, so that TensorBoard shows it as the
    experiment itself. The event files of runs are left alone.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    _remove_earlier(to)
    silence_event_writers()
    writer = EventFileWriter(str(to), filename_suffix=COMPARISON_EVENTS)
    summaries = [text_summary(VERDICT, verdict)]
    for figure in figures:
        png = (png_folder / f"{stems[figure.name]}.png").read_bytes()
        summaries.append(image_summary(f"report/{figure.name}", png))
    for summary in summaries:
        writer.add_event(Event(wall_time=time.time(), step=0, summary=summary))
    writer.close()


def _remove_earlier(folder: Path) -> None:
    for old in folder.glob(f"events.out.tfevents.*{COMPARISON_EVENTS}"):
        old.unlink()
    earlier = folder / _EARLIER_FOLDER
    if earlier.is_dir() and not earlier.is_symlink():
        for old in earlier.glob("events.out.tfevents.*"):
            old.unlink()
        with suppress(OSError):  # other files are not ours
            earlier.rmdir()
