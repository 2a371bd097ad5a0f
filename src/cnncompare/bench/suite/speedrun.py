"""Time to 70 % validation accuracy in the experiment `speedrun`, and a bound for the script."""

from collections.abc import Sequence
from statistics import median

from cnncompare.bench.processes import our_environment, start_workers
from cnncompare.bench.rounds import BenchRow
from cnncompare.bench.suite.training_benchmarks import SuiteImages
from cnncompare.config.compose import compose_config
from cnncompare.config.files import conf_folder
from cnncompare.errors import RunError

TARGET = 0.70
BUDGET_S = 150.0
# An epoch of the baseline script (ResNet-18 for small images, SGD 0.1, cosine) takes half an hour
# on two cores, so the suite times a fraction of one. The script validates after each epoch, so it
# needs at least one.
MIN_EPOCHS = 1


def speedrun_row(name: str, images: SuiteImages, baseline_images_per_s: float | None) -> BenchRow:
    """Return the seconds to the target, training and validation, for as many seeds as fit.

    The baseline script is not measured. A lower bound follows from its images/s in this suite and
    the one epoch that it needs at least. Raises RunError if the time would be meaningless.
    """
    if not (conf_folder() / "experiment" / "speedrun.yaml").exists():
        raise RunError("the experiment speedrun does not exist")
    if "data=synthetic" in images.overrides:
        raise RunError("accuracy on synthetic images is meaningless; use --data PATH for CIFAR-10")
    seconds: list[float] = []
    for seed in range(3):
        if seed and sum(seconds) * (seed + 1) / seed > BUDGET_S:
            break
        seconds.append(seconds_to_target(images, seed))
    estimate = baseline_estimate(seconds, images.n_train + images.n_val, baseline_images_per_s)
    return BenchRow(name, ours=median(seconds), n=len(seconds), estimate=estimate)


def seconds_to_target(images: SuiteImages, seed: int) -> float:
    """Return the time for training, validation and checkpoints; the start-up is not counted.

    Raises RunError if the target is not reached.
    """
    seeded = ["experiment=speedrun", *images.overrides, f"seed={seed}", "display.progress=bar"]
    config = compose_config(seeded)
    task = {"role": "ours", "config": config.model_dump(mode="json")}
    total: float = 0.0
    with start_workers({"ours": task}, {"ours": our_environment()}) as workers:
        for _ in range(config.trainer.max_epochs or 0):
            reply = workers["ours"].request("epoch")
            total += float(reply["seconds"])
            if (reply["val_acc1"] or 0.0) >= TARGET:
                return total
    raise RunError(f"seed {seed} did not reach {TARGET:.0%} in {config.trainer.max_epochs} epochs")


def baseline_estimate(
    seconds: Sequence[float], images_per_epoch: int, baseline_images_per_s: float | None
) -> dict[str, float | str] | None:
    """Return the bound for the script and the ratio other / ours; None without a measured speed."""
    if baseline_images_per_s is None:
        return None
    other = MIN_EPOCHS * images_per_epoch / baseline_images_per_s
    return {
        "other": other,
        "ratio": other / median(seconds),
        "how": f"at the {baseline_images_per_s:.0f} images/s measured here the baseline script "
        "needs this time for its first epoch, and it has no validation accuracy before",
    }
