"""What the forkserver imports once for all jobs; nothing here may start a thread or a device."""

import cnncompare.models.own
import cnncompare.models.timm
import cnncompare.models.torchvision
import cnncompare.train  # noqa: F401
