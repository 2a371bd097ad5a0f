"""The races of the suite, with the goals that they are to reach and the settings found fastest."""

from cnncompare.bench.machine import can_compile
from cnncompare.bench.rounds import Goal
from cnncompare.bench.suite.races import Race, Wanted

# As bench --tune finds them on a Xeon with AMX; docs/performance.md has what each one gains.
LAYOUT = ("trainer.channels_last=true",)
TRIM = ("trainer.trim_kernels=true",)
FAST = ("trainer=cpu_fast",)
COMPILED = ("trainer.compile=true",) if can_compile() else ()
ALL = 50_000  # or as many as there are
CIFAR_STEM = "ResNet-18 stem=cifar epoch, best settings, images/s"


def _at_least(value: float) -> Goal:
    return Goal(value, "at least")


def _at_most(value: float) -> Goal:
    return Goal(value, "at most")


# Images and rounds fit 15 minutes on two idle cores, the time limits those of busier ones. The
# usual script's epoch has so many images that starting its workers does not show.
RACES = (
    Race(
        "LeNet-5",
        ("model=lenet5",),
        "lenet5",
        n_train=18_000,
        n_val=2_000,
        wanted=(
            Wanted("input pipeline, images/s", "pipeline", "usual_pipeline", _at_least(8)),
            Wanted("LeNet-5 epoch, images/s", "default", "usual", _at_least(3.5)),
            Wanted("LeNet-5 epoch, best of float32, images/s", "float32", "usual", _at_least(3.5)),
            Wanted("LeNet-5 epoch, best settings, images/s", "best", "usual", _at_least(3.5)),
        ),
        settings={"float32": LAYOUT, "best": (*FAST, *COMPILED)},
        budget_s=90,
    ),
    Race(
        "LeNet-5, the loop",
        ("model=lenet5",),
        "lenet5",
        n_train=ALL,
        n_val=ALL,
        wanted=(
            Wanted("LeNet-5 epoch, s, and a bare loop", "default", "bare", _at_most(1.08), True),
        ),
        rounds=9,
        budget_s=60,
    ),
    Race(
        "ResNet-20",
        ("model=resnet20",),
        "resnet20",
        n_train=6_400,
        n_val=640,
        wanted=(
            Wanted("ResNet-20 epoch, images/s", "default", "usual", _at_least(1.3)),
            Wanted(
                "ResNet-20 epoch, best of float32, images/s", "float32", "usual", _at_least(1.3)
            ),
            Wanted("ResNet-20 epoch, best settings, images/s", "best", "usual", _at_least(2)),
        ),
        settings={"float32": (*LAYOUT, *COMPILED), "best": (*FAST, *COMPILED)},
        budget_s=60,
    ),
    Race(
        "ResNet-18 stem=imagenet",
        ("model=resnet18", "model.stem=imagenet"),
        "resnet18",
        n_train=9_000,
        n_val=1_000,
        wanted=(
            Wanted("ResNet-18 stem=imagenet epoch, images/s", "default", "usual", _at_least(1.1)),
            Wanted(
                "ResNet-18 stem=imagenet epoch, best of float32, images/s",
                "float32",
                "usual",
                _at_least(1.1),
            ),
            Wanted(
                "ResNet-18 stem=imagenet epoch, best settings, images/s",
                "best",
                "usual",
                _at_least(1.3),
            ),
            Wanted("ResNet-18 epoch, s, and a bare loop", "default", "bare", _at_most(1.02), True),
        ),
        settings={"float32": TRIM, "best": FAST},
        budget_s=110,
    ),
    Race(
        "ResNet-18 stem=cifar",
        ("model=resnet18", "model.stem=cifar"),
        "resnet18_cifar",
        n_train=640,
        n_val=128,
        wanted=(Wanted(CIFAR_STEM, "best", "usual", _at_least(2)),),
        settings={"best": FAST},
        rounds=4,
        budget_s=80,
    ),
)
