"""Training and testing of one run: data, network, Lightning module, callbacks and trainer."""

from cnncompare.system.deferred_imports import defer_scipy_signal

defer_scipy_signal()  # before a module here imports Lightning
