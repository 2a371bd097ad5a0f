"""What the forkserver imports once for all jobs; nothing here may start a thread or a device.

A SIGTERM to the whole group, as timeout or a service manager sends it, must not end the forkserver:
with it the exit codes of its jobs are lost. It ends when the sweep does.
"""

import signal

import cnncompare.models.builtin
import cnncompare.models.timm
import cnncompare.models.torchvision
import cnncompare.plotting.confusion
import cnncompare.training.train  # noqa: F401

signal.signal(signal.SIGTERM, signal.SIG_IGN)
