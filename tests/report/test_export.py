from __future__ import annotations

import pytest

from causalxai.report.export import as_csv, as_latex, escaped, exported
from causalxai.report.plots import FigureKind, axes_grid, embed, new_figure, saved_also_as
from causalxai.report.section import Figure, Section, Table, Text

STARTS: dict[FigureKind, bytes] = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}
TABLE = Table(("name", "R²"), (("a, b", "0.5"), ("50 %", "x_1")))


def drawn(*, raster: bool) -> Figure:
    figure = new_figure(2, 1)
    axes_grid(figure, 1, 1)[0][0].plot([1, 3, 2])
    return embed(figure, "c", "a", raster=raster)


@pytest.mark.parametrize("kind", ["pdf", "png", "svg"])
def test_all_figures_are_saved_in_a_format_and_tables_in_two(kind: FigureKind):
    with saved_also_as(kind):
        first = Section("How: 1", [drawn(raster=True), Text("t"), drawn(raster=False), TABLE])
    given = Section("Given", [Figure("c", "a", svg="<svg/>")])
    files = exported([first, given], kind)
    figures = [f"01-how-1-1.{kind}", f"01-how-1-2.{kind}"]
    assert list(files) == [*figures, "01-how-1.csv", "01-how-1.tex", "02-given.svg"]
    assert all(files[name].startswith(STARTS[kind]) for name in figures)
    assert drawn(raster=True).saved is None


@pytest.mark.parametrize("kind", ["pdf", "png", "svg"])
def test_the_same_figure_gives_the_same_file(kind: FigureKind):
    with saved_also_as(kind):
        assert drawn(raster=False).saved == drawn(raster=False).saved


def test_tables_are_csv_and_latex():
    assert as_csv(TABLE) == 'name,R²\n"a, b",0.5\n50 %,x_1\n'
    assert as_latex(TABLE).splitlines() == [
        r"\begin{tabular}{ll}",
        r"\toprule",
        r"name & R$^2$ \\",
        r"\midrule",
        r"a, b & 0.5 \\",
        r"50 \% & x\_1 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_latex_finds_no_commands_in_names():
    assert escaped(r"50 % of $x_{1}$ & \more~^#") == (
        r"50 \% of \$x\_\{1\}\$ \& \textbackslash{}more\textasciitilde{}\textasciicircum{}\#"
    )
