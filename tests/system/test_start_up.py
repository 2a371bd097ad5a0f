"""Imports that the start of a run does not wait for."""

import subprocess
import sys

NOT_AT_THE_START = ("sklearn.metrics", "timm", "mlflow", "wandb", "tensorflow", "altair")


def test_training_does_not_import_optional_packages() -> None:
    code = (
        "import sys, cnncompare.training.train;"
        f"print([m for m in {NOT_AT_THE_START} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
