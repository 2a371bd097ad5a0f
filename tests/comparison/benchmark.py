"""Benchmark of comparing 1,000 runs of 10,000 predictions: python -m tests.comparison.benchmark"""

import tempfile
import time
from pathlib import Path

import numpy as np

from cnncompare.comparison.compare import compare_results
from cnncompare.comparison.load import load_results
from cnncompare.report.json import comparison_json
from tests.comparison.factory import simulate, write_run

MODELS, SEEDS, IMAGES = 100, 10, 10_000


def write(root: Path) -> None:
    """Write MODELS times SEEDS runs below `root`."""
    rng = np.random.default_rng(0)
    for i in range(MODELS):
        label = f"model{i}"
        right = simulate(rng, {label: 0.85 + 0.001 * i}, seeds=SEEDS, n=IMAGES)[label]
        for seed in range(SEEDS):
            write_run(root, label, seed, right[seed])


def measure(root: Path) -> dict[str, float]:
    """Return the seconds of reading the runs, comparing all pairs, and printing JSON."""
    start = time.perf_counter()
    results, skipped = load_results([root])
    read = time.perf_counter()
    comparison = compare_results(results, skipped)
    compared = time.perf_counter()
    comparison_json(comparison)
    done = time.perf_counter()
    return {"read_s": read - start, "compare_s": compared - read, "json_s": done - compared}


def main() -> None:
    """Print the times."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        pairs = MODELS * (MODELS - 1) // 2
        print(f"{MODELS * SEEDS:,} runs of {IMAGES:,} predictions, {pairs:,} pairs")
        for name, seconds in measure(Path(folder)).items():
            print(f"{name:10} {seconds:6.2f}")


if __name__ == "__main__":
    main()
