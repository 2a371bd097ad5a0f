"""Synchronisation with a device, which computes asynchronously."""

import torch


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished all work queued on it; a CPU has no queue."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
