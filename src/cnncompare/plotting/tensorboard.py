"""PNG files as summaries of TensorBoard's Images tab."""

import io
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary


def image_summary(tag: str, png: bytes) -> "Summary":
    """Return the summary that shows a PNG file under `tag`."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    width, height = Image.open(io.BytesIO(png)).size
    image = Summary.Image(width=width, height=height, colorspace=3, encoded_image_string=png)
    return Summary(value=[Summary.Value(tag=tag, image=image)])
