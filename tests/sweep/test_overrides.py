from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from cnncompare.config.files import conf_folder
from cnncompare.errors import ConfigError
from cnncompare.sweep.compose_jobs import JobComposer
from cnncompare.sweep.overrides import combine_with_lines, expand_repetitions, is_skipped


def test_seeds_are_expanded() -> None:
    assert expand_repetitions(["-m", "seeds=3", "model=vgg16"]) == [
        "-m",
        "seed=0,1,2",
        "model=vgg16",
    ]
    assert expand_repetitions(["--multirun", "seeds=1"]) == ["--multirun", "seed=0"]
    assert expand_repetitions(["seed=3"]) == ["seed=3"]


def test_folds_and_holdouts_are_expanded() -> None:
    assert expand_repetitions(["-m", "folds=3"]) == ["-m", "data.folds=3", "data.fold=1,2,3"]
    assert expand_repetitions(["holdouts=2", "-m"]) == ["data.holdout=1,2", "-m"]
    both = expand_repetitions(["-m", "seeds=2", "folds=2"])
    assert both == ["-m", "seed=0,1", "data.folds=2", "data.fold=1,2"]
    single = ["data.folds=3", "data.fold=2"]
    assert expand_repetitions(single) == single


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["folds=5"], "folds=5 starts several runs: add -m, or use data.folds=5 data.fold=1 for"),
        (["holdouts=5"], "holdouts=5 starts several runs: add -m, or use data.holdout=1 for one"),
        (["-m", "folds=5", "holdouts=3"], "folds=5 and holdouts=3 divide the images in two ways"),
        (["-m", "folds=5", "folds=3"], "folds=5 and folds=3 set the same; use one of them"),
        (["-m", "folds=5", "data.fold=2"], "folds=5 and data.fold=2 set the same"),
        (["-m", "holdouts=5", "data.holdout=2"], "holdouts=5 and data.holdout=2 set the same"),
        (["-m", "seeds=5", "seed=2"], "seeds=5 and seed=2 set the same"),
        (["-m", "folds=1"], "folds=1: expected 2 or more folds, such as folds=3"),
        (["-m", "folds=five"], "folds=five: expected 2 or more folds"),
        (["-m", "folds=2,3"], "folds=2,3: expected 2 or more folds"),
        (["-m", "folds="], "folds=: expected 2 or more folds"),
        (["-m", "holdouts=1"], "holdouts=1: expected 2 or more hold-outs, such as holdouts=3"),
    ],
)
def test_folds_that_cannot_be_run_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        expand_repetitions(arguments)


def test_seeds_without_a_sweep_are_refused() -> None:
    with pytest.raises(ConfigError, match="seeds=3 starts several runs: add -m"):
        expand_repetitions(["seeds=3"])


@pytest.mark.parametrize("argument", ["seeds=0", "seeds=-1", "seeds=three", "seeds=", "seeds=1,2"])
def test_an_invalid_number_of_seeds_is_refused(argument: str) -> None:
    with pytest.raises(ConfigError, match="expected a positive number of seeds"):
        expand_repetitions(["-m", argument])


def test_lines_are_combined_with_jobs_whose_overrides_take_precedence() -> None:
    lines = ["model=vgg16 optimizer.lr=0.01", "model=resnet20"]
    assert combine_with_lines(lines, [["seed=0"], ["seed=1"]]) == [
        ["model=vgg16", "optimizer.lr=0.01", "seed=0"],
        ["model=vgg16", "optimizer.lr=0.01", "seed=1"],
        ["model=resnet20", "seed=0"],
        ["model=resnet20", "seed=1"],
    ]
    assert combine_with_lines([], [["seed=0"]]) == [["seed=0"]]


CONFIG = OmegaConf.create(
    {"model": {"name": "resnet20"}, "seed": 2, "force": False, "trainer": {"threads": None}}
)


@pytest.mark.parametrize(
    ("line", "skipped"),
    [
        ("model=resnet20", True),
        ("model=resnet*", True),
        ("model=resnet* seed=2", True),
        ("model=resnet* seed=1", False),
        ("model.name=vgg16", False),
        ("force=false trainer.threads=null", True),
        ("", False),
    ],
)
def test_a_job_is_skipped_when_every_pattern_of_a_line_matches(line: str, skipped: bool) -> None:
    assert is_skipped(CONFIG, [line]) is skipped


@pytest.mark.parametrize("line", ["modle=vgg16", "vgg16"])
def test_an_invalid_line_is_refused(line: str) -> None:
    with pytest.raises(ConfigError, match="is not of the form key=value with a known key"):
        is_skipped(CONFIG, [line])


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=vgg16", "seed=3", "trainer.max_epochs=7", "optimizer=adamw", "optimizer.lr=0.5"],
        ["seed=1", "model=lenet5"],
        ["+model.options.dropout=0.2", "model=vgg16", "seed=1"],
        ["experiment=quickstart", "trainer.max_epochs=3", "data.batch_size=32"],
        ["model=vgg16", "model.lr.sgd=0.3"],
        ["logger=[tensorboard,csv]", "data.augment.flip=true"],
    ],
)
def test_shared_compositions_equal_those_of_hydra(overrides: list[str]) -> None:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        master = loader.load_configuration("config", [], run_mode=RunMode.MULTIRUN)
        whole = loader.load_sweep_config(master, overrides)
        composer = JobComposer(loader, master)
        composer.compose(["model=vgg16", "seed=9"])  # must not affect the next
        ours = OmegaConf.to_container(composer.compose(overrides), resolve=True)
    theirs: Any = OmegaConf.to_container(whole, resolve=False)
    del theirs["hydra"]
    theirs = OmegaConf.to_container(OmegaConf.create(theirs), resolve=True)
    assert ours == theirs
