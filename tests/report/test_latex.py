"""report.tex is as wide as a column and compiles, and report.csv is tidy."""

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cnncompare.comparison.compare import Comparison, Options, compare_results
from cnncompare.comparison.load import load_results
from cnncompare.errors import ConfigError
from cnncompare.report.command import main
from cnncompare.report.csv_table import as_csv
from cnncompare.report.latex import as_latex
from cnncompare.report.latex_layout import escaped
from tests.comparison.factory import write_run, write_sweep
from tests.comparison.fold_runs import write_folds

LONG = "vit_relpos_base_patch16_clsgap_224.sw_in1k optimizer.lr=0.001 weight_decay=0.05"


def compared(root: Path, **options: object) -> Comparison:
    return compare_results(*load_results([root]), Options(**options))  # type: ignore[arg-type]


def test_a_row_has_mean_interval_ties_and_n(sweep: Path) -> None:
    comparison = compared(sweep)
    tex = as_latex(comparison)
    row = comparison.tables[0].rows[0]
    estimate = row.estimates["top1"]
    assert estimate.mean is not None
    assert estimate.interval.low is not None
    assert estimate.interval.high is not None
    half = max(estimate.mean - estimate.interval.low, estimate.interval.high - estimate.mean)
    value = rf"{100 * estimate.mean:.1f} $\pm$ {100 * half:.1f}\textsuperscript{{{row.letters}}}"
    assert f"{row.label} & 0.27 & 0.027 & {value} & 3 & 10 \\\\" in tex
    assert r"\label{tab:digits}" in tex
    assert r"\label{tab:digits-pairs}" in tex
    assert "a test over seeds and test images, Holm's correction for 3 pairs" in tex
    assert "n: number of seeds" in tex
    assert r"\paragraph{Methods.}" in tex
    assert "400 test images" in tex


def test_two_seeds_need_a_third(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.9, "b": 0.7}, seeds=2, n=100)
    tex = as_latex(compared(tmp_path))
    assert tex.count("(needs a third seed)") == 2
    assert r"$\pm$" not in tex


def test_columns_are_chosen_in_their_order(sweep: Path) -> None:
    tex = as_latex(compared(sweep), ("model", "acc1", "size_mb"))
    assert r"Model & Top-1 (\%) & File (MB) \\" in tex


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_an_unknown_column_is_refused_before_anything_is_written(
    sweep: Path, json: list[str]
) -> None:
    before = sorted(sweep.rglob("*"))
    with pytest.raises(
        ConfigError, match=r"^--columns: there is no column epochs.*columns: model"
    ) as e:
        main([str(sweep), "--columns", "model,epochs", *json])
    assert "\n" not in str(e.value)
    assert sorted(sweep.rglob("*")) == before


def test_labels_of_several_tables_differ(tmp_path: Path) -> None:
    for epochs in (3, 6):
        write_sweep(tmp_path / str(epochs), {"a": 0.9, "b": 0.8}, 1, 40, epochs=epochs)
    labels = re.findall(r"\\label\{(.+)\}", as_latex(compared(tmp_path)))
    assert len(labels) == len(set(labels)) == 4


def test_only_long_identifiers_break() -> None:
    assert escaped("95 % of a_b") == r"95 \% of a\_b"
    assert escaped("mobilenetv3_large") == r"mobilenetv3\_\allowbreak{}large"
    assert r"\allowbreak" in escaped("x" * 40)
    assert escaped("statistically") == "statistically"


@pytest.fixture
def studies(tmp_path: Path) -> dict[str, str]:
    """report.tex of studies with long names, two seeds, many networks, folds and odd characters."""
    nasty = r"50 % & $x_1^2$ #~\{}<>|" + '"…·\N{EN DASH}\N{MULTIPLICATION SIGN}[1]'
    write_sweep(tmp_path / "names", {LONG: 0.9, LONG + "4": 0.85, nasty: 0.8, "x" * 90: 0.7}, n=60)
    write_sweep(tmp_path / "seeds", {"resnet20": 0.9, "vgg16_bn": 0.7}, seeds=2, n=100)
    many = {f"efficientnet_v2_s{i}": 0.95 - 0.01 * i for i in range(12)}
    write_sweep(tmp_path / "many", many, seeds=1, n=100)
    rng = np.random.default_rng(0)
    write_folds(tmp_path / "folds", {name: rng.random(200) < 0.8 for name in ("a", "b")})
    tex = {path.name: as_latex(compared(path)) for path in tmp_path.iterdir()}
    every = "model,ties,seeds,acc1,top1_sd,top5,epoch_s,params,gmacs,size_mb"
    tex["columns"] = as_latex(compared(tmp_path / "seeds"), tuple(every.split(",")))
    return tex


def test_it_compiles_without_an_overfull_box(studies: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-base)")
    body = "\n\\clearpage\n".join(studies.values())
    document = "\\documentclass{article}\n\\begin{document}\n" + body + "\\end{document}\n"
    (tmp_path / "paper.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    log = (tmp_path / "paper.log").read_text(errors="replace")
    assert re.findall(r"Overfull.*\n.*", log) == []


def test_csv_has_one_row_per_model_metric_and_split(sweep: Path) -> None:
    comparison = compared(sweep)
    rows = list(csv.DictReader(io.StringIO(as_csv(comparison))))
    keys = [(row["model"], row["metric"], row["split"]) for row in rows]
    assert len(keys) == len(set(keys))
    found = dict(zip(keys, rows, strict=True))
    for row in comparison.tables[0].rows:
        test, estimate = found[row.label, "top1", "test"], row.estimates["top1"]
        assert float(test["value"]) == estimate.mean
        assert float(test["low"]) == estimate.interval.low
        assert test["ties"] == row.letters
        assert test["n"] == "3"
        validation = [r.record.best.val_acc1 for r in row.group.results]
        assert float(found[row.label, "top1", "validation"]["value"]) == pytest.approx(
            np.mean(np.array(validation, dtype=float))
        )
        assert float(found[row.label, "params", ""]["value"]) == 270_000
    assert found["lenet5", "loss", "test"]["value"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\uff1d1"])
def test_no_cell_is_a_formula(tmp_path: Path, name: str) -> None:
    write_run(tmp_path, "a", 0, np.ones(10, bool), changes={"label": name, "name": name})
    text = as_csv(compared(tmp_path))
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert f"'{name}" in cells
    for cell in cells:
        is_number = re.fullmatch(r"-?[\d.]+(e-?\d+)?", cell)
        assert is_number or not cell.strip().startswith(tuple("=+-@\uff1d"))
