"""Figures: the same drawing gives the same bytes, and figures on one page don't share names."""

import re
from xml.etree import ElementTree

from causalxai.report import plots
from causalxai.report.plots import axes_grid, embed, new_figure


def drawn(height=1.0):
    figure = new_figure(2, 1)
    axes = axes_grid(figure, 1, 1)[0][0]
    axes.bar([0, 1], [height, 2])
    return embed(figure, "bars", "two bars").svg


def test_names_inside_a_figure_do_not_depend_on_hashes(monkeypatch):
    first = drawn()
    monkeypatch.setitem(plots._STYLE, "svg.hashsalt", "another")
    assert drawn() == first


def test_names_are_defined_where_they_are_used():
    svg = drawn()
    used = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg))
    assert used
    assert used <= set(re.findall(r'\bid="([^"]+)"', svg))


def test_two_figures_share_no_clip_path():
    one, other = (set(re.findall(r"url\(#([^)]+)\)", drawn(height))) for height in (1.0, 1.5))
    assert one
    assert not one & other


def test_dollar_signs_and_markup_in_names_are_text():
    names = ["$x_{$", "$a$ and $b$", "</text><b>&amp;"]
    figure = new_figure(3, 2)
    axes = axes_grid(figure, 1, 1)[0][0]
    axes.barh([0, 1, 2], [1, 2, 3], label=names[0])
    axes.set_yticks([0, 1, 2], names)
    axes.set_title(names[0])
    axes.legend()
    written = list(ElementTree.fromstring(embed(figure, "", "").svg).itertext())
    assert [written.count(name) for name in names] == [3, 1, 1]
