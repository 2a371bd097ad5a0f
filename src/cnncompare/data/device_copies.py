"""Copies of image tensors on a GPU, which hold a small data set for a whole training."""

import torch
from torch import Tensor

from cnncompare.data.source import Images

_MAX_GPU_SHARE = 0.25  # of the GPU's memory; larger data sets stay in main memory


class DeviceCopies:
    """Images on their devices, each copied once."""

    def __init__(self) -> None:
        self._copies: dict[tuple[int, torch.device], Tensor] = {}

    def __call__(self, images: Images, device: torch.device) -> Images:
        """Return the images on the device if they are a tensor that fits there, else unchanged."""
        if not isinstance(images, Tensor) or device.type == "cpu":
            return images
        if device.type == "cuda":
            memory = torch.cuda.get_device_properties(device).total_memory
            if images.nbytes > _MAX_GPU_SHARE * memory:
                return images
        key = (id(images), device)
        if key not in self._copies:
            self._copies[key] = images.to(device)
        return self._copies[key]
