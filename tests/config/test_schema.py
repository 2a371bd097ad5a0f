import re
from pathlib import Path

import pytest
import yaml
from hydra.errors import ConfigCompositionException

from cnncompare.config.files import conf_folder
from cnncompare.config.schema import Config
from cnncompare.config.validation import validate
from cnncompare.errors import ConfigError
from tests.composing import compose_config

DIGITS = ("data=digits", "model=resnet20")


def options_of(group: str) -> list[str]:
    return sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))


@pytest.mark.parametrize(
    ("group", "option"),
    [
        (group, option)
        for group in ("model", "optimizer", "scheduler", "trainer", "logger", "display")
        for option in options_of(group)
    ],
)
def test_every_shipped_file_is_valid(group: str, option: str) -> None:
    assert isinstance(compose_config(*DIGITS, f"{group}={option}"), Config)


@pytest.mark.parametrize("option", options_of("data"))
def test_every_shipped_data_set_is_valid(option: str) -> None:
    root = ["data.root=."] if option in ("folder", "arrays", "parquet", "imagenet_val") else []
    tested = ["trainer.max_epochs=0"] if option == "imagenet_val" else []
    assert isinstance(compose_config(f"data={option}", *root, *tested), Config)


@pytest.mark.parametrize("option", options_of("experiment"))
def test_every_shipped_experiment_is_valid(option: str) -> None:
    root = ["data.root=."] if option == "imagenet_val" else []
    assert isinstance(compose_config(f"experiment={option}", *root), Config)


def test_every_key_of_the_schema_can_be_set_without_a_plus() -> None:
    composed = compose_config("data=synthetic").model_dump()
    for section in ("model", "data", "trainer", "optimizer", "scheduler", "display"):
        for key, value in composed[section].items():
            if key not in ("torchvision", "synthetic") and not isinstance(value, dict | list):
                written = "null" if value is None else f"'{value}'"
                written = written if isinstance(value, str | None) else str(value)
                compose_config("data=synthetic", f"{section}.{key}={written}")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+modle=vgg16", "unknown key modle; did you mean 'model'?"),
        (
            "+optimizer.momentun=0.5",
            "unknown key optimizer.momentun; did you mean 'optimizer.momentum'?",
        ),
        (
            "+data.augment.flp=true",
            "unknown key data.augment.flp; did you mean 'data.augment.flip'?",
        ),
        ("+trainer._target_=os.system", "unknown key trainer._target_"),
        ("optimizer.lr=-1", "optimizer.lr=-1: expected a number above 0"),
        ("optimizer.lr=fast", "optimizer.lr='fast': expected a number above 0"),
        ("trainer.max_epochs=-1", "trainer.max_epochs=null trains without an end"),
        ("trainer.max_epochs=true", "trainer.max_epochs=True: expected a whole number"),
        ("trainer.max_epochs=2.5", "trainer.max_epochs=2.5: expected a whole number"),
        ("trainer.precision=64", "trainer.precision=64: expected 32-true"),
        (
            "loss.class_weights=balancd",
            "'balancd': expected none or balanced; did you mean 'balanced'?",
        ),
        ("loss.class_weights=2", "loss.class_weights=2: expected none or balanced"),
        ("data.normalize=trian", "did you mean 'train'?"),
        ("data.balance=often", "data.balance='often': expected true or false"),
        (
            "trainer.devices=3",
            "data.batch_size=64 is not divisible by trainer.devices=3; use 63 or",
        ),
        ("data.val_fraction=1.0", "data.val_fraction=1.0: expected a number above 0 and below 1"),
        ("data.normalize=imagnet", "data.normalize='imagnet': expected train, weights"),
        ("data=folder", "data=folder needs data.root=PATH"),
        ("data=imagenet_val", "data=imagenet_val needs data.root=PATH"),
        (
            "data.on_corrupt_image=count_wrong",
            "data.on_corrupt_image=count_wrong is for tests of pretrained weights",
        ),
        ("data.resize=40", "data.resize and data.interpolation are for image files"),
        ("data.mask_classes=true", "data.mask_classes=true is for data=imagenet_val"),
        ("model.freeze=backbone", "model.freeze=backbone would keep random weights"),
        ("scheduler.warmup_epochs=25", "scheduler.warmup_epochs=25 must be less than"),
        ("name=../x", "name='../x': expected text of letters"),
        ("output_root=''", "output_root is empty"),
        ("seed=-1", "seed=-1: expected a whole number of at least 0"),
        ("optimizer.name=adam", "unknown key optimizer.momentum (known to adam: beta1, beta2"),
        ("optimizer.name=sgdd", "unknown optimizer 'sgdd'; did you mean 'sgd'? (known: adagrad"),
        ("+loss.gama=2", "unknown key loss.gama; did you mean 'loss.gamma'? (known"),
        ("+callbacks.early.patience=3", "unknown callback 'early'"),
        ("optimizer.lr=${nothing}", "optimizer.lr"),
    ],
)
def test_an_invalid_override_is_reported_in_one_line(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose_config(*DIGITS, override)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(ConfigError, match="nesterov needs a momentum above 0"):
        compose_config(*DIGITS, "optimizer.momentum=0")
    compose_config(*DIGITS, "optimizer.momentum=0", "optimizer.nesterov=false")


def test_an_unknown_key_without_a_plus_is_refused_by_hydra() -> None:
    with pytest.raises(ConfigCompositionException):
        compose_config(*DIGITS, "modle=vgg16")


@pytest.mark.parametrize(
    "override",
    [
        "output_root=elsewhere",
        "name=other",
        "force=true",
        "logger=csv",
        "display=minimal",
        "data.workers=3",
        "data.cache_dir=elsewhere",
        "model.lr.adamw=0.5",
    ],
)
def test_what_cannot_change_a_number_is_not_part_of_the_identity(override: str) -> None:
    assert compose_config(*DIGITS, override).hash() == compose_config(*DIGITS).hash()


@pytest.mark.parametrize(
    "override",
    ["seed=1", "optimizer.lr=0.05", "data.batch_size=32", "trainer.precision=bf16-mixed",
     "data.augment.flip=true", "model.stem=imagenet", "loss.label_smoothing=0.1"],
)  # fmt: skip
def test_what_can_change_a_number_is_part_of_the_identity(override: str) -> None:
    assert compose_config(*DIGITS, override).hash() != compose_config(*DIGITS).hash()


def test_the_recipe_is_the_identity_without_the_seed() -> None:
    first, second = compose_config(*DIGITS, "seed=1"), compose_config(*DIGITS, "seed=2")
    assert first.hash() != second.hash()
    assert first.recipe_hash() == second.recipe_hash()


def test_a_folder_is_known_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = compose_config("data=folder", "data.root=images")
    absolute = compose_config("data=folder", f"data.root={tmp_path}/images")
    assert relative.hash() == absolute.hash()
    assert compose_config("data=folder", "data.root=others").hash() != relative.hash()


def test_where_downloads_lie_is_not_part_of_the_identity() -> None:
    assert compose_config("data.root=elsewhere").hash() == compose_config().hash()


def test_the_folder_is_named_as_in_the_contract() -> None:
    config = compose_config(*DIGITS, "seed=3", "trainer.max_epochs=2", "name=trial")
    expected = (
        Path("outputs").absolute() / "trial" / f"resnet20-digits-e2-d1-s3-{config.hash()[:8]}"
    )
    assert config.run_folder() == expected


def test_a_dumped_configuration_validates_to_itself() -> None:
    config = compose_config(*DIGITS, "optimizer=adamw", "scheduler=multistep")
    assert validate(yaml.safe_load(yaml.safe_dump(config.model_dump()))) == config


def test_what_is_not_trained_is_tested_whatever_the_training_would_be() -> None:
    tested = compose_config("data=digits", "trainer.max_epochs=0")
    assert not tested.trains
    assert (
        tested.hash()
        == compose_config(
            "data=digits", "trainer.max_epochs=0", "optimizer=adamw", "scheduler=constant"
        ).hash()
    )
    assert "-e0-" in tested.run_id()


def test_a_data_set_without_a_training_split_cannot_be_trained_on() -> None:
    with pytest.raises(ConfigError, match=r"trainer\.max_epochs=25 must be 0"):
        compose_config("data=imagenet_val", "data.root=.")


def test_a_crop_larger_than_the_image_is_refused() -> None:
    overrides = ("experiment=imagenet_val", "data.root=.", "data.resize=224")
    with pytest.raises(ConfigError, match=r"cannot be cut out of data\.resize=224"):
        compose_config(*overrides, "data.image_size=299")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "+data.damaged=wrong",
            "use data.on_corrupt_image; its values stop, wrong",
        ),
        ("+data.subset=9", "use data.limit_test"),
        ("+callbacks.progress=off", "use display.progress"),
    ],
)
def test_a_renamed_key_is_reported_with_the_new_one(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        compose_config("data=digits", override)


def test_a_limit_of_the_test_images_is_part_of_the_identity() -> None:
    overrides = ("experiment=imagenet_val", "data.root=.")
    limited = compose_config(*overrides, "data.limit_test=7")
    assert limited.data.limit_test == 7
    assert limited.hash() != compose_config(*overrides).hash()


def test_the_identity_has_the_content_of_a_split_table_and_not_its_path(tmp_path: Path) -> None:
    for name, content in (("a", "file,split\n"), ("b", "file,split\n"), ("c", "split,file\n")):
        (tmp_path / name).write_text(content)
    overrides = ("data=folder", "data.root=photos")
    a, b, c = (compose_config(*overrides, f"data.split={tmp_path}/{name}") for name in "abc")
    assert a.hash() == b.hash() != c.hash()
    assert compose_config(*overrides).hash() not in (a.hash(), c.hash())
    (tmp_path / "a").write_text("changed")
    assert a.hash() == b.hash()  # a run does not change its folder


def test_a_split_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(ConfigError, match=r"data\.split=.* cannot be read \("):
            compose_config("data=folder", "data.root=photos", f"data.split={path}")


def test_fixed_splits_cannot_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("file,split\n")
    with pytest.raises(ConfigError, match=r"data=cifar10 has fixed splits"):
        compose_config(f"data.split={tmp_path}/split.csv")


@pytest.mark.parametrize("fraction", ["0", "1", "-0.2", "20"])
def test_a_test_fraction_is_a_share(fraction: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.test_fraction="):
        compose_config("data=folder", "data.root=photos", f"data.test_fraction={fraction}")


def test_a_table_of_labels_is_identified_by_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name, text in (("a.csv", "one"), ("b.csv", "two"), ("photos/c.csv", "one")):
        (tmp_path / name).write_text(text)
    folder = ("data=folder", "data.root=photos", "model=lenet5")
    hashes = [compose_config(*folder, f"data.labels={name}").hash() for name in "abc"]
    assert len(set(hashes)) == 3  # of files that do not exist, by their names
    named = {name: compose_config(*folder, f"data.labels={name}.csv").hash() for name in "abc"}
    assert named["a"] == named["c"] != named["b"]
    assert named["a"] != compose_config(*folder).hash()


def test_local_data_are_identified_by_their_absolute_path() -> None:
    for option, root, expected in (
        ("arrays", "set.npz", str(Path("set.npz").absolute())),
        ("parquet", "photos", str(Path("photos").absolute())),
        ("parquet", "hf://zoo/pets@v1", "hf://zoo/pets@v1"),
    ):
        config = compose_config(f"data={option}", f"data.root={root}", "model=lenet5")
        assert config.identity()["data"]["root"] == expected


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("data=arrays",), "data=arrays needs data.root=FILE"),
        (("data=parquet",), "data=parquet needs data.root=PATH"),
        (("data=digits", "data.labels=a.csv"), "data.labels=a.csv is for data=folder, data=arrays"),
        (
            ("data=arrays", "data.root=a", "data.resize=64"),
            "data.resize and data.interpolation are",
        ),
        (("data=parquet", "data.root=a", "data.resize=64"), "data.resize needs data.image_size"),
    ],
)
def test_faults_of_own_data_are_named(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        compose_config(*overrides, "model=lenet5")


def test_folds_and_holdouts_share_a_recipe_and_have_hashes_of_their_own() -> None:
    folds = [compose_config(*DIGITS, "data.folds=3", f"data.fold={i}") for i in (1, 2)]
    holdouts = [compose_config(*DIGITS, f"data.holdout={i}", "seed=4") for i in (1, 2)]
    ordinary = compose_config(*DIGITS)
    assert len({config.hash() for config in [*folds, *holdouts, ordinary]}) == 5
    assert folds[0].recipe_hash() == folds[1].recipe_hash()
    assert holdouts[0].recipe_hash() == holdouts[1].recipe_hash()
    assert len({config.recipe_hash() for config in [*folds, *holdouts, ordinary]}) == 3


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("data.fold=2",), "data.fold=2 needs data.folds, the number of folds; -m folds=5 runs"),
        (("data.folds=3",), "data.folds=3 needs data.fold, the fold to test, from 1 to 3"),
        (("data.folds=3", "data.fold=4"), "data.fold=4 is beyond the last of data.folds=3; use 1"),
        (("data.folds=1", "data.fold=1"), "data.folds=1: expected a whole number of at least 2"),
        (("data.folds=3", "data.fold=0"), "data.fold=0: expected a whole number of at least 1"),
        (("data.holdout=0",), "data.holdout=0: expected a whole number of at least 1"),
        (
            ("data.folds=3", "data.fold=1", "data.holdout=1"),
            "data.fold=1 and data.holdout=1 divide the images in two ways",
        ),
        (
            ("data.folds=3", "data.fold=1", "data.test_fraction=0.3"),
            "data.test_fraction=0.3 has no effect on folds: each of 3 folds tests 1/3 of the",
        ),
        (
            ("data.holdout=1", "trainer.max_epochs=0"),
            "trainer.max_epochs=0 trains nothing, and folds and hold-outs divide images for tra",
        ),
        (("+folds=5",), "folds is an option of sweeps, -m folds=5; a single run has data.folds=5"),
        (("+holdouts=5",), "holdouts is an option of sweeps, -m holdouts=5; a single run has data"),
    ],
)
def test_faults_of_folds_are_named(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose_config(*DIGITS, *overrides)
    assert str(caught.value).startswith(message)


def test_a_split_table_and_a_fold_exclude_each_other(tmp_path: Path) -> None:
    table = tmp_path / "split.csv"
    table.write_text("file,split\n0,train\n")
    with pytest.raises(ConfigError, match=r"fixes the test images, and data.fold=1 draws them"):
        compose_config(*DIGITS, f"data.split={table}", "data.folds=3", "data.fold=1")
