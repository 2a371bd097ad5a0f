"""Write the report's files: the page, the tables, the pictures, TensorBoard's images."""

from pathlib import Path

from cnncompare.comparison.compare import Comparison
from cnncompare.comparison.predictions import analyse_predictions
from cnncompare.report.charts.build import pictures
from cnncompare.report.charts.pairs import critical_difference
from cnncompare.report.figures import write_figures
from cnncompare.report.html import html
from cnncompare.report.tensorboard import write_events
from cnncompare.report.text_tables import as_csv, latex, markdown
from cnncompare.runs.storage import write_atomically

FIGURES = "figures"
EVENTS = "report"  # the run's name in TensorBoard


def write_report(comparison: Comparison, out: Path) -> Path:
    """Write report.html, .md, .tex, .csv and figures/ into `out`; return the page's path.

    Raises OSError when `out` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    found = [analyse_predictions(table) for table in comparison.tables]
    drawn = pictures(comparison, found)
    ranks = [critical_difference(comparison.ranks)] if comparison.ranks else []
    every = ranks + [picture for each in drawn for picture in each.every()]
    stems = write_figures(every, out / FIGURES)
    write_events(every, stems, out / FIGURES, out / EVENTS)
    texts = {
        "report.md": markdown(comparison),
        "report.tex": latex(comparison),
        "report.csv": as_csv(comparison),
        "report.html": html(comparison, found, drawn, ranks, stems, out),
    }
    for name, text in texts.items():
        write_atomically(out / name, text.encode())
    return out / "report.html"
