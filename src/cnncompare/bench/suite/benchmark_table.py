"""Training benchmarks of the suite, with their goals and the fastest settings."""

from cnncompare.bench.rounds import Goal
from cnncompare.bench.suite.training_benchmarks import RowSpec, TrainingBenchmark
from cnncompare.system.compiler import has_cpp_compiler

# trainer=fast chooses for the processor; the others are as found by bench --tune on a Xeon with
# AMX. docs/performance.md lists the gain of each.
LAYOUT = ("trainer.channels_last=true",)
TRIM = ("trainer.trim_kernels=true",)
FAST = ("trainer=fast",)
COMPILED = ("trainer.compile=true",) if has_cpp_compiler() else ()
ALL = 50_000  # images, or as many as the data set has
CIFAR_STEM = "ResNet-18 stem=cifar epoch, best settings, images/s"


def _at_least(value: float) -> Goal:
    return Goal(value, "at least")


def _at_most(value: float) -> Goal:
    return Goal(value, "at most")


# Images and rounds are chosen for 15 minutes on two idle cores, the time budgets for cores under
# contention. Epochs are long enough that the start of the script's loader workers is negligible.
BENCHMARKS = (
    TrainingBenchmark(
        "LeNet-5",
        ("model=lenet5",),
        "lenet5",
        n_train=18_000,
        n_val=2_000,
        rows=(
            RowSpec("input pipeline, images/s", "pipeline", "baseline_pipeline", _at_least(8)),
            RowSpec("LeNet-5 epoch, images/s", "default", "baseline", _at_least(3.5)),
            RowSpec(
                "LeNet-5 epoch, best of float32, images/s", "float32", "baseline", _at_least(3.5)
            ),
            RowSpec("LeNet-5 epoch, best settings, images/s", "best", "baseline", _at_least(3.5)),
        ),
        settings={"float32": LAYOUT, "best": (*FAST, *COMPILED)},
        budget_s=90,
    ),
    TrainingBenchmark(
        "LeNet-5, training loop",
        ("model=lenet5",),
        "lenet5",
        n_train=ALL,
        n_val=ALL,
        rows=(
            RowSpec(
                "LeNet-5 epoch and bare loop, s", "default", "bare", _at_most(1.05), in_seconds=True
            ),
        ),
        rounds=9,
        budget_s=60,
    ),
    TrainingBenchmark(
        "ResNet-20",
        ("model=resnet20",),
        "resnet20",
        n_train=6_400,
        n_val=640,
        rows=(
            RowSpec("ResNet-20 epoch, images/s", "default", "baseline", _at_least(1.3)),
            RowSpec(
                "ResNet-20 epoch, best of float32, images/s", "float32", "baseline", _at_least(1.3)
            ),
            RowSpec("ResNet-20 epoch, best settings, images/s", "best", "baseline", _at_least(2)),
        ),
        settings={"float32": (*LAYOUT, *COMPILED), "best": (*FAST, *COMPILED)},
        budget_s=60,
    ),
    TrainingBenchmark(
        "ResNet-18 stem=imagenet",
        ("model=resnet18", "model.stem=imagenet"),
        "resnet18",
        n_train=9_000,
        n_val=1_000,
        rows=(
            RowSpec(
                "ResNet-18 stem=imagenet epoch, images/s", "default", "baseline", _at_least(1.1)
            ),
            RowSpec(
                "ResNet-18 stem=imagenet epoch, best of float32, images/s",
                "float32",
                "baseline",
                _at_least(1.1),
            ),
            RowSpec(
                "ResNet-18 stem=imagenet epoch, best settings, images/s",
                "best",
                "baseline",
                _at_least(2),
            ),
            RowSpec(
                "ResNet-18 epoch and bare loop, s",
                "default",
                "bare",
                _at_most(1.01),
                in_seconds=True,
            ),
        ),
        settings={"float32": TRIM, "best": FAST},
        budget_s=110,
    ),
    TrainingBenchmark(
        "ResNet-18 stem=cifar",
        ("model=resnet18", "model.stem=cifar"),
        "resnet18_cifar",
        n_train=640,
        n_val=128,
        rows=(RowSpec(CIFAR_STEM, "best", "baseline", _at_least(2)),),
        settings={"best": FAST},
        rounds=4,
        budget_s=80,
    ),
)
