"""PNG files and texts as summaries of TensorBoard's tabs Images and Text."""

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary


def image_summary(tag: str, png: bytes) -> "Summary":
    """Return the summary that shows a PNG file under `tag`."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    image = Summary.Image(encoded_image_string=png, colorspace=4)
    return Summary(value=[Summary.Value(tag=tag, image=image)])


def text_summary(tag: str, markdown: str) -> "Summary":
    """Return the summary that shows a text in Markdown under `tag`."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.text.metadata import PLUGIN_NAME

    plugin = SummaryMetadata.PluginData(plugin_name=PLUGIN_NAME)
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype=DT_STRING, string_val=[markdown.encode()], tensor_shape=shape)
    metadata = SummaryMetadata(plugin_data=plugin)
    return Summary(value=[Summary.Value(tag=tag, metadata=metadata, tensor=tensor)])


def silence_event_writers() -> None:
    """Let a thread that cannot write its event file end without a traceback.

    The thread that logs gets the same exception.
    """
    from tensorboard.summary.writer.event_file_writer import _AsyncWriterThread

    def report(hook: threading.ExceptHookArgs) -> None:
        if not (
            isinstance(hook.thread, _AsyncWriterThread) and isinstance(hook.exc_value, OSError)
        ):
            threading.__excepthook__(hook)

    threading.excepthook = report
