"""Write the files of the report: the page, the tables, the figures, TensorBoard's events."""

from pathlib import Path

from cnncompare.comparison.compare import Comparison
from cnncompare.comparison.predictions import analyse_predictions
from cnncompare.comparison.robustness import robustness_tables
from cnncompare.language.catalogue import in_language
from cnncompare.report.charts.build import build_figures, figures_with_files
from cnncompare.report.charts.pairs import critical_difference_figure
from cnncompare.report.csv_table import as_csv
from cnncompare.report.figures import figure_stems, write_figures
from cnncompare.report.html import render_page
from cnncompare.report.latex import as_latex
from cnncompare.report.tensorboard import write_events
from cnncompare.report.text_tables import as_markdown, verdict_as_markdown
from cnncompare.runs.storage import write_atomically

FIGURES = "figures"


def write_report(
    comparison: Comparison,
    out: Path,
    command: str = "",
    columns: tuple[str, ...] = (),
    *,
    class_maps: bool = False,
) -> Path:
    """Write report.html, .md, .tex, .csv and figures/ into `out`; return the path of the page.

    The page states `command`, by which it was written; `columns` are those of report.tex. A report
    on many tables has no files of their figures. With `class_maps`, which imports torch, there is a
    sheet of the class activation maps of networks that disagree.

    Raises OSError if `out` is not writable.
    """
    analyses = [analyse_predictions(table) for table in comparison.tables]
    margin = comparison.options.margin
    robustness = [robustness_tables([r.group for r in t.rows], margin) for t in comparison.tables]
    figures = build_figures(comparison, analyses, robustness)
    if class_maps:
        from cnncompare.report.class_maps import add_class_maps

        add_class_maps(comparison, analyses, figures)
    out.mkdir(parents=True, exist_ok=True)
    ranks = [critical_difference_figure(comparison.ranks)] if comparison.ranks else []
    every = ranks + [figure for of_table in figures for figure in of_table.all()]
    stems = figure_stems(every)
    drawn = figures_with_files(figures, ranks)
    write_figures(drawn, out / FIGURES)
    write_events(verdict_as_markdown(comparison), drawn, stems, out / FIGURES, out)
    texts = {
        "report.md": as_markdown(comparison, robustness),
        "report.html": render_page(
            comparison, analyses, robustness, figures, ranks, stems, out, command
        ),
    }
    with in_language("en"):  # for papers and programs
        texts |= {"report.tex": as_latex(comparison, columns), "report.csv": as_csv(comparison)}
    for name, text in texts.items():
        write_atomically(out / name, text.encode())
    return out / "report.html"
