"""The report's figures for TensorBoard's Images tab."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from cnncompare.report.charts.figure import Figure

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary


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
        summary = _image_summary(f"report/{figure.name}", png)
        writer.add_event(Event(wall_time=time.time(), step=0, summary=summary))
    writer.close()


def _image_summary(tag: str, png: bytes) -> "Summary":
    from tensorboard.compat.proto.summary_pb2 import Summary

    image = Summary.Image(encoded_image_string=png, colorspace=4)
    return Summary(value=[Summary.Value(tag=tag, image=image)])
