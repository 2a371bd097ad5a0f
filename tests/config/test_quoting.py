"""Values come back from Hydra's parser as the user typed them."""

import os
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from cnncompare.config.compose import compose_config
from cnncompare.config.quoting import quote_override, quote_overrides
from cnncompare.errors import ConfigError

TEXTS = (
    *("~/photos", "~", "/data/jörg", "/data/写真", "/data/x=y", "runs/epoch=3-step=100.ckpt"),
    *("#1", "/data/#1", "it's", 'say "x"', """both ' and \"""", "my photos", " photos", "photos "),
    *("a(1)", "(a", "a)", "a[1]", "[a]", "[", "]", "{a}", "{", "}", "$HOME", "a$b", "/x/${", "${}"),
    *(
        "100%",
        "%d",
        "C:\\data",
        "C:\\data\\",
        "a\\",
        "a\\'b",
        "x\\\\'",
        "a;b&c",
    ),
    *("!", "a!b", "*", "a|b", "<a>", "`a`", "a\tb", "a\nb", "^", "-", "--x", "@a", "a:b", ":", "+"),
    *("2024", "007", "1e3", "1_000", "0x10", "-5", ".5", "true", "False", "inf", "nan", "None"),
    *("photos(1)", "int(3)x", "ab)c(", "a=b=c", "=", "==", "?", "/a b/c=d/(e)/[f]/'g'"),
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("key", ["data.root", "model.weights", "output_root", "data.cache_dir"])
def test_a_value_of_a_text_key_reaches_the_configuration_unchanged(key: str, text: str) -> None:
    config = compose_config(["data=digits", f"{key}={text}"]).model_dump()
    section, _, name = key.rpartition(".")
    assert (config[section] if section else config)[name] == text


@pytest.mark.parametrize("text", TEXTS)
def test_a_quoted_value_is_not_quoted_again(text: str) -> None:
    once = quote_override(f"data.root={text}", "sweep")
    assert quote_override(once, "sweep") == once


@pytest.mark.parametrize("name", ["2024", "1e3", "007", "true", "1.5"])
def test_a_name_can_be_a_number(name: str) -> None:
    assert compose_config(["data=digits", f"name={name}"]).name == name


@pytest.mark.parametrize("quoted", ["'a=b'", '"a=b"', "a\\=b"])
def test_hydras_own_quotes_and_escapes_keep_their_meaning(quoted: str) -> None:
    assert compose_config(["data=digits", f"data.root={quoted}"]).data.root == "a=b"


def test_null_and_interpolations_keep_their_meaning() -> None:
    config = compose_config(["data=digits", "model.weights=null", "data.root=${oc.env:HOME}/x=y"])
    assert config.model.weights is None
    assert config.data.root == f"{os.environ['HOME']}/x=y"


@pytest.mark.parametrize("folder", ["a,b", "v${x}", "v${oc.env:HOME}", "c\\,d", "choice(a,b)"])
def test_a_path_that_exists_is_text(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    path = f"{tmp_path}/{folder}"
    assert compose_config(["data=digits", f"data.root={path}"]).data.root == path


@pytest.mark.parametrize(
    ("override", "values"),
    [
        ("data.root=~/a,/b/jörg,c", ["~/a", "/b/jörg", "c"]),
        ("data.root=~/a , x=y", ["~/a", "x=y"]),
        ("data.root='a,b',c", ["a,b", "c"]),
        ("data.root=a(1,2),b", ["a(1,2)", "b"]),
        ("name=2024,2025", ["2024", "2025"]),
        ("model.weights=null,a=b.ckpt", [None, "a=b.ckpt"]),
        ("name=choice(a,b)", ["a", "b"]),
        ("seed=range(3)", [0, 1, 2]),
        ("model=lenet5,vgg16", ["lenet5", "vgg16"]),
    ],
)
def test_in_a_sweep_a_comma_separates_values(override: str, values: list[str]) -> None:
    parsed = OverridesParser.create().parse_override(quote_override(override, "sweep"))
    found = [getattr(value, "text", value) for value in parsed.sweep_iterator()]
    assert found == values


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model=lenet5,resnet20", "model=lenet5,resnet20 has 2 values: add -m to run both"),
        ("seed=0,1,2", "seed=0,1,2 has 3 values: add -m to run all 3"),
        ("optimizer.lr=0.1,0.2", "add -m to run both"),
        ("data.root=~/a,~/b", """add -m to run both; "data.root='~/a,~/b'" is one value"""),
        ("logger=csv,tensorboard", "add -m to run both; logger=[csv,tensorboard] uses both"),
        ("scheduler.milestones=0.1,0.2", "scheduler.milestones=[0.1,0.2] is a list"),
        ("model=[vgg16,lenet5]", "type -m model=vgg16,lenet5"),
        ("data=[digits,mnist]", "type -m data=digits,mnist"),
        ("optimizer=[sgd]", "one run takes one optimizer: optimizer=sgd"),
        ("scheduler=[cosine,constant]", "type -m scheduler=cosine,constant"),
        ("trainer=[default,cpu_fast]", "type -m trainer=default,cpu_fast"),
        ("display=[default,minimal]", "type -m display=default,minimal"),
        ("experiment=[quickstart,speedrun]", "type -m experiment=quickstart,speedrun"),
        ("data=null", "data needs an option"),
        ("data.root=", "data.root is empty"),
        ("model=", "model is empty"),
        ("data.rot=~/x", "unknown key data.rot; did you mean 'data.root'"),
        ("+model.options.path=~/x", """as text: "+model.options.path='~/x'\""""),
        ("sweep.jobs=model=a", """as text: "sweep.jobs=['model=a']\""""),
        ("hydra.run.dir=a=b", """as text: "hydra.run.dir='a=b'\""""),
        ("data.batch_size=~", "data.batch_size=~: token recognition error"),
        ("photos", "'photos' is no override, which has the form key=value"),
        ("my photos", "'my photos' is no override"),
    ],
)
def test_another_override_is_answered_with_the_right_form(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        quote_override(override, "add -m")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("override", ["model=[vgg16,lenet5]", "model=lenet5,[vgg16,resnet20]"])
def test_a_list_of_options_is_refused_in_a_sweep_too(override: str) -> None:
    with pytest.raises(ConfigError, match="one run takes one model"):
        quote_override(override, "sweep")


def test_the_advice_to_add_m_is_left_out_where_there_is_no_m() -> None:
    with pytest.raises(ConfigError, match="has 2 values; give one of them"):
        compose_config(["model=lenet5,vgg16"])


def test_loggers_may_be_a_list_and_other_overrides_stay() -> None:
    overrides = ["logger=[csv,tensorboard]", "+model.options.x=3", "~experiment", "seed=3"]
    assert quote_overrides(overrides, "add -m") == overrides
