"""The files of the trials: every shipped one is valid, and invalid ones are refused in one line."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from cnncompare.config.files import conf_folder
from cnncompare.errors import ConfigError
from cnncompare.trial.files import FOLDER, Trial, read_trial, read_trials
from cnncompare.trial.options import parse_arguments
from cnncompare.trial.variants import compose_variants, trial_sweeps

FILES = sorted((conf_folder() / FOLDER).glob("*.yaml"))
TANH = {"tanh": "model=alexnet2012 ++model.options.width=0.25 ++model.options.activation=tanh"}
DESIGN = (
    "width depth kernel aux head lrn overlap dropout activation reduction conv1 zeroed widening"
)


def test_there_are_twelve_claims_and_two_controls() -> None:
    trials = read_trials([])
    assert [trial.config.number for trial in trials] == [*range(1, 13), 0, 0]
    assert {trial.name for trial in trials[12:]} == {"control_same", "control_worse"}
    assert sum(trial.config.minutes for trial in trials) <= 60


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_names_its_source_and_its_study(file: Path) -> None:
    trial = read_trial(file)
    assert trial.study == f"trial_{file.stem}"
    assert trial.config.claim.endswith(".")
    planted = trial.config.source == "planted here"
    assert planted == trial.config.is_control
    years = any(str(year) in trial.config.source for year in range(2012, 2017))
    assert planted or years
    used = {name for c in trial.config.comparisons for name in (c.better, c.worse)}
    assert used == set(trial.config.variants)
    for comparison in trial.config.comparisons:  # permutations of few runs are never significant
        assert comparison.measure == "acc1" or trial.config.seeds >= 4


def test_variants_compose_to_different_runs_of_one_study() -> None:
    check_variants(read_trials(["relu"]))


@pytest.mark.slow
def test_variants_of_every_trial_compose_to_different_runs() -> None:
    check_variants(read_trials([]))


def check_variants(trials: list[Trial]) -> None:
    for trial in trials:
        for arguments in ([], ["--full"]):
            variants = compose_variants(trial, parse_arguments(arguments))
            hashes = {variant.config.recipe_hash() for variant in variants}
            assert len(hashes) == len(trial.config.variants)
            name = trial.study + ("_full" if arguments else "")
            assert {variant.config.name for variant in variants} == {name}
            expected = "cifar10" if arguments else "digits"
            assert {variant.config.data.name for variant in variants} == {expected}


def test_full_trains_the_networks_at_their_whole_width() -> None:
    (trial,) = read_trials(["relu"])
    only = replace(trial, config=trial.config.model_copy(update={"variants": TANH}))
    small, full = (
        compose_variants(only, parse_arguments(arguments))[0].config
        for arguments in ([], ["--full"])
    )
    assert small.model.options == {"width": 0.25, "activation": "tanh"}
    assert full.model.options == {"width": 1.0, "activation": "tanh"}
    assert full.data.limit_train is None
    assert full.trainer.accelerator == "auto"


def test_the_control_of_identical_networks_has_seeds_of_its_own() -> None:
    (trial,) = read_trials(["control_same"])
    options = parse_arguments(["seeds=2", "output_root=out"])
    variants = compose_variants(trial, options)
    assert [variant.seeds for variant in variants] == [(0, 1), (1000, 1001)]
    first, second = trial_sweeps(trial, variants, options)
    assert "seed=0,1" in first
    assert "seed=1000,1001" in second
    assert "output_root=out" in second
    assert 'sweep.jobs=["model=quicknet ++model.options.width=16"]' in second


VALID: dict[str, Any] = {
    "name": "trial_mine",
    "trial": {
        "number": 13,
        "title": "mine",
        "claim": "One is better.",
        "source": "Nobody 2020",
        "minutes": 1,
        "variants": {"one": "model=lenet5", "two": "model=quicknet"},
        "comparisons": [{"better": "one", "worse": "two", "margin": 1}],
    },
}


def written(folder: Path, **changes: Any) -> Path:
    """Write the valid file with other keys below `trial`; None leaves one out."""
    section = {key: v for key, v in (VALID["trial"] | changes).items() if v is not None}
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(VALID | {"trial": section}))
    return file


def compared(**changes: Any) -> list[dict[str, Any]]:
    return [VALID["trial"]["comparisons"][0] | changes]


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"claim": None}, "trial.claim is missing"),
    ({"claim": ""}, "trial.claim=''"),
    ({"seeds": "3"}, "trial.seeds='3': expected a valid integer"),
    ({"seeds": 0}, "trial.seeds=0: expected greater than or equal to 1"),
    ({"clam": "x"}, "unknown key trial.clam; did you mean 'claim'?"),
    ({"variants": {"one": "model=lenet5"}}, "trial.variants"),
    ({"variants": {"one": "lenet5", "two": "model=a"}}, "expected overrides, key=value"),
    ({"comparisons": compared(better="three")}, "there is no variant three"),
    ({"comparisons": compared(worse="one")}, "better and worse are both one"),
    ({"comparisons": compared(measure="acc")}, "trial.comparisons.0.measure='acc'"),
    ({"comparisons": compared(margn=1)}, "unknown key trial.comparisons.0.margn"),
    ({"comparisons": compared(margin=0)}, "trial.comparisons.0.margin=0"),
    ({"comparisons": compared(measure="epochs_to_25")}, "needs a factor above 1"),
    ({"first_seeds": {"three": 5}}, "there is no variant three"),
]


@pytest.mark.parametrize(("changes", "message"), INVALID)
def test_an_invalid_file_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    assert read_trial(written(tmp_path)).config.title == "mine"
    file = written(tmp_path, **changes)
    with pytest.raises(ConfigError) as raised:
        read_trial(file)
    assert message in str(raised.value)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "a: [", "- a", "trial: 3", "!!python/object:os.x {}"])
def test_a_file_of_another_form_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_trial(file)
    assert "\n" not in str(raised.value)


def test_trials_in_the_folder_conf_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf" / FOLDER).mkdir(parents=True)
    written(tmp_path / "conf" / FOLDER)
    monkeypatch.chdir(tmp_path)
    assert [trial.name for trial in read_trials(["mine", "relu"])] == ["relu", "mine"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lst"], "unknown option --lst; did you mean '--list'?"),
        (["seed=3"], "a trial chooses seed itself; for more runs, seeds=8"),
        (["relu", "name=x"], "a trial chooses name itself"),
        (["folds=3"], "a trial chooses folds itself"),
    ],
)
def test_invalid_arguments_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match="trial: ") as raised:
        parse_arguments(arguments)
    assert message in str(raised.value)


@pytest.mark.parametrize("text", ["0", "x", "-1", "1.5", ""])
def test_an_invalid_number_of_seeds_is_refused(text: str) -> None:
    (trial,) = read_trials(["relu"])
    with pytest.raises(ConfigError, match="seeds="):
        compose_variants(trial, parse_arguments([f"seeds={text}"]))


def test_the_names_in_the_files_are_options_of_builders() -> None:
    options = {
        item.partition("=")[0].removeprefix("++model.options.")
        for trial in read_trials([])
        for text in trial.config.variants.values()
        for item in text.split()
        if item.startswith("++model.options.")
    }
    assert options <= set(DESIGN.split())
