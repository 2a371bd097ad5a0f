"""PNG files as summaries of TensorBoard's Images tab."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary


def image_summary(tag: str, png: bytes) -> "Summary":
    """Return the summary that shows a PNG file under `tag`."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    image = Summary.Image(encoded_image_string=png, colorspace=4)
    return Summary(value=[Summary.Value(tag=tag, image=image)])
