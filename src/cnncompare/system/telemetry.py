"""Disable the usage statistics that libraries would send."""

import os

# Read by the libraries when they are first used; jobs and workers inherit them.
SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime 1.29 and later on Linux and macOS
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "1",  # huggingface_hub and mlflow
}


def disable_telemetry() -> None:
    """Set the switches in the environment; one that is already set keeps its value."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
