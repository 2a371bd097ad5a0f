"""The section on robustness of the report: page, Markdown and figure."""

import re
from pathlib import Path

import pytest

from cnncompare.report.command import main
from tests.comparison.factory import write_sweep
from tests.comparison.robust_runs import write_robust_study


@pytest.mark.usefixtures("no_figures")
def test_the_page_has_a_table_and_a_chart_of_the_drop(tmp_path: Path) -> None:
    write_robust_study(tmp_path, {"net": (0.9, 0.5), "<b>other": (0.8, 0.7)})
    assert main([str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text()
    section = page[page.index('<h3 id="robustness-1">') : page.index('<h3 id="pairs-1">')]
    assert "2 corruptions x 3 severities, 400 images" in section
    assert "&lt;b&gt;other has the highest accuracy" in section
    assert "<b>other" not in section
    assert "gaussian noise" in section
    assert "net loses most" in section or "net most" in section
    assert re.search(r'data-chart="robustness-generated" role="img"', section)
    markdown = (tmp_path / "report.md").read_text()
    assert "### Robustness: corrupted test images" in markdown
    assert "| severity 5 |" in markdown


@pytest.mark.usefixtures("no_figures")
def test_a_report_without_results_has_no_section(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"net": 0.9}, seeds=1, n=100)
    assert main([str(tmp_path)]) == 0
    assert "Robustness" not in (tmp_path / "report.html").read_text()
    assert "Robustness" not in (tmp_path / "report.md").read_text()
