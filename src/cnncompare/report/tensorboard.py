"""The report's pictures under TensorBoard's Images."""

from pathlib import Path

from cnncompare.report.charts.figure import Picture


def write_events(pictures: list[Picture], stems: dict[str, str], figures: Path, to: Path) -> None:
    """Write the PNG files as one event file below `to`; earlier ones there are replaced."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    to.mkdir(parents=True, exist_ok=True)
    for old in to.glob("events.out.tfevents.*"):
        old.unlink()
    writer = EventFileWriter(str(to))
    for picture in pictures:
        content = (figures / f"{stems[picture.name]}.png").read_bytes()
        image = Summary.Image(encoded_image_string=content, colorspace=4)
        value = Summary.Value(tag=f"report/{picture.name}", image=image)
        writer.add_event(_event(Summary(value=[value])))
    writer.close()


def _event(summary: object) -> object:
    import time

    from tensorboard.compat.proto.event_pb2 import Event

    return Event(wall_time=time.time(), step=0, summary=summary)
