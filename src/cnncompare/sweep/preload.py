"""Modules that the forkserver imports once for all jobs; they start no thread and no device.

The forkserver ignores SIGTERM, which timeout or a service manager sends to the whole process group:
if it ended, the exit codes of its jobs would be lost. It ends together with the sweep.
"""

import signal

import cnncompare.models.builtin
import cnncompare.models.timm
import cnncompare.models.torchvision
import cnncompare.plotting.confusion
import cnncompare.training.train  # noqa: F401

signal.signal(signal.SIGTERM, signal.SIG_IGN)
