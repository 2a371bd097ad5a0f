"""What the start of a run need not wait for."""

import subprocess
import sys

NOT_AT_THE_START = ("sklearn.metrics", "timm", "mlflow", "wandb", "tensorflow", "altair")


def test_training_is_imported_without_what_it_may_never_use() -> None:
    code = (
        "import sys, cnncompare.training.train;"
        f"print([m for m in {NOT_AT_THE_START} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
