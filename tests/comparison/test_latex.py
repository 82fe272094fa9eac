from __future__ import annotations

from collections.abc import Callable

from causalxai import Comparison, Estimate

Made = Callable[..., Comparison]


def test_methods_stand_above_controls_and_chance(compared: Made):
    table = compared({"a_1": 0.9, "b": -0.5, "none": None, "control": 0.2}).to_latex()
    assert table.splitlines() == [
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"method & distance $\uparrow$ \\",
        r"\midrule",
        r"a\_1 & \textbf{0.900} {\scriptsize [0.850, 0.950]} \\",
        r"b & $-$0.500 {\scriptsize [$-$0.550, $-$0.450]} \\",
        r"none & -- \\",
        r"\midrule",
        r"control (control) & 0.200 {\scriptsize [0.150, 0.250]} \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_chance_is_a_row_of_its_own_and_bold_is_clear_of_it(scored: Made):
    values = [{"a": 0.9, "b": 0.5}]
    table = scored(values, reach=0.1, chance=Estimate(0.6), higher_is_better=True).to_latex()
    assert table.splitlines()[-4:-2] == [r"\midrule", r"chance & 0.600 \\"]
    assert table.count("textbf") == 1
    assert "textbf" not in scored(values, reach=0.1, chance=Estimate(0.85)).to_latex()
    assert "arrow" not in scored(values, higher_is_better=None).to_latex()
