"""When a device is done: it computes on while Python goes ahead."""

import torch


def wait_for(device: torch.device) -> None:
    """Return once the device has done what it was given; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
