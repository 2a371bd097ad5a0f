"""The report's figures for TensorBoard's Images tab."""

import time
from pathlib import Path

from cnncompare.plotting.tensorboard import image_summary
from cnncompare.report.charts.figure import Figure


def write_events(figures: list[Figure], stems: dict[str, str], png_folder: Path, to: Path) -> None:
    """Write the figures' PNG files as one event file into `to`, in place of earlier ones."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    to.mkdir(parents=True, exist_ok=True)
    for old in to.glob("events.out.tfevents.*"):
        old.unlink()
    writer = EventFileWriter(str(to))
    for figure in figures:
        png = (png_folder / f"{stems[figure.name]}.png").read_bytes()
        summary = image_summary(f"report/{figure.name}", png)
        writer.add_event(Event(wall_time=time.time(), step=0, summary=summary))
    writer.close()
