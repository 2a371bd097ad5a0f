"""Time to 70 % validation accuracy: the experiment `speedrun`, and what the usual script takes."""

from collections.abc import Sequence
from statistics import median

from cnncompare.bench.processes import our_environment, workers
from cnncompare.bench.rounds import Row
from cnncompare.bench.suite.races import Images
from cnncompare.config.compose import compose_config
from cnncompare.config.files import conf_folder
from cnncompare.errors import RunError

TARGET = 0.70
BUDGET_S = 150.0
# The usual script, ResNet-18 for small images, SGD 0.1, cosine, takes half an hour an epoch on two
# cores, so the suite times a part of one. It validates at an epoch's end, so it takes one or more.
LEAST_EPOCHS = 1


def speedrun_row(name: str, images: Images, usual_images_per_s: float | None) -> Row:
    """Return the seconds to the target, training and validation, for as many seeds as time allows.

    The other side is not measured but bounded from below, by the usual script's images/s in this
    suite and one epoch, the least that it needs. Raises RunError where that tells nothing.
    """
    if not (conf_folder() / "experiment" / "speedrun.yaml").exists():
        raise RunError("there is no experiment speedrun")
    if "data=synthetic" in images.words:
        raise RunError("a stand-in's accuracy tells nothing; --data PATH names CIFAR-10's images")
    seconds: list[float] = []
    for seed in range(3):
        if seed and sum(seconds) * (seed + 1) / seed > BUDGET_S:
            break
        seconds.append(seconds_to_target(images, seed))
    return Row(
        name,
        ours=median(seconds),
        n=len(seconds),
        estimate=estimated(seconds, images.n_train + images.n_val, usual_images_per_s),
    )


def seconds_to_target(images: Images, seed: int) -> float:
    """Return how long the experiment trains, validates and saves; the start is not counted.

    Raises RunError when it never gets there.
    """
    words = ["experiment=speedrun", *images.words, f"seed={seed}", "display.progress=bar"]
    config = compose_config(words)
    asked = {"be": "ours", "config": config.model_dump(mode="json")}
    total: float = 0.0
    with workers({"ours": asked}, {"ours": our_environment()}) as started:
        for _ in range(config.trainer.max_epochs):
            answer = started["ours"].ask("epoch")
            total += float(answer["seconds"])
            if (answer["val_acc1"] or 0.0) >= TARGET:
                return total
    raise RunError(f"seed {seed} did not reach {TARGET:.0%} in {config.trainer.max_epochs} epochs")


def estimated(
    seconds: Sequence[float], images_an_epoch: int, usual_images_per_s: float | None
) -> dict[str, float | str] | None:
    """Return the other side and the ratio other / ours, marked as an estimate, if there is one."""
    if usual_images_per_s is None:
        return None
    other = LEAST_EPOCHS * images_an_epoch / usual_images_per_s
    return {
        "other": other,
        "ratio": other / median(seconds),
        "how": f"at its {usual_images_per_s:.0f} images/s in this suite the usual script needs "
        "that for its first epoch, before whose end it has no validation accuracy",
    }
