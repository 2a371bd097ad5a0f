"""Modules that the forkserver imports once for all jobs; they start no thread and no device.

The forkserver is started with the stop signals blocked, which a terminal, timeout or a service
manager sends to the whole process group: if it ended, the exit codes of its jobs would be lost. It
ends together with the sweep, also while it imports.
"""

import signal
from contextlib import suppress

from cnncompare.system.signals import die_with_parent
from cnncompare.system.working_folder import remember_working_folder

die_with_parent(signal.SIGKILL)
with suppress(FileNotFoundError):  # deleted before this moment
    remember_working_folder()

import cnncompare.models.builtin  # noqa: E402
import cnncompare.models.timm  # noqa: E402
import cnncompare.models.torchvision  # noqa: E402
import cnncompare.plotting.confusion  # noqa: E402
import cnncompare.training.train  # noqa: E402, F401
