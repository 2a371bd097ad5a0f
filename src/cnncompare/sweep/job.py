"""``python -m cnncompare.sweep.job FILE``: one job of a sweep, in the process it was started in."""

import json
import sys
from pathlib import Path

from cnncompare.config import validate
from cnncompare.errors import CnncompareError, Interrupted


def main() -> int:
    """Train what the file says; return the exit code."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.path.insert(0, str(Path.cwd()))
    try:
        config = validate(job["config"])
        from cnncompare.train import train

        train(config, argv=job["argv"])
    except CnncompareError as error:
        print(f"cnncompare: {error}", file=sys.stderr)
        return error.exit_code
    except Interrupted as stop:
        print(f"cnncompare: {stop}", file=sys.stderr)
        return stop.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
