"""``python -m tests.crash [SCENARIO...]``: break every call of the commands, and count failures."""

import argparse
import gc
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.crash import shim


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("scenarios", nargs="*", help="default: all")
    parser.add_argument("--actions", nargs="*", help="default: all")
    parser.add_argument("--every", type=int, default=1, help="try each N-th call only")
    arguments = parser.parse_args()
    shim.restart_preloaded()
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    from tests.crash.points import ACTIONS, adopt_orphans, try_points
    from tests.crash.scenarios import SCENARIOS

    torch.set_num_threads(1)
    adopt_orphans()
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    failures = 0
    folder = tempfile.mkdtemp(prefix="cnncompare-crash-", dir=memory)
    try:  # TemporaryDirectory would remove it at the end of each forked process
        for name in arguments.scenarios or SCENARIOS:
            started = time.monotonic()
            statics = Path(folder) / f"{name} data"
            statics.mkdir()
            scenario = SCENARIOS[name](statics)
            gc.collect()
            gc.freeze()  # no forked process scans the objects of this one
            for action, count in try_points(
                scenario,
                Path(folder) / "trial",
                arguments.actions or list(ACTIONS),
                lambda n: range(1, n + 1, arguments.every),
                lambda text: print(text, flush=True),
            ):
                failures += len(count.failures)
                line = f"{name:8} {action:10} {count.points:4} points"
                line += f" {len(count.failures):3} failures {count.repeated:3} repeated"
                line += f" {count.missed:3} missed {time.monotonic() - started:6.0f} s"
                print(line, flush=True)
    finally:
        shutil.rmtree(folder)
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
