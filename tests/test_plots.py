"""utils.plots: every figure can be drawn, and can be read without seeing it."""
import warnings

import numpy as np
import pytest

from utils import plots

mpl = pytest.importorskip("matplotlib")

MATRIX = np.array([[0.9, 0.1], [0.3, 0.7]])
DRAW = {
    "heat": lambda ax: plots.heat(ax, MATRIX, ["a", "b"], ["c", "d"], title="Heat"),
    "heat, common scale": lambda ax: plots.heat(ax, MATRIX, ["a", "b"], ["c", "d"], top=2.0),
    "heat of counts": lambda ax: plots.heat(ax, np.eye(2, dtype=int), "ab", "cd", fmt="{}"),
    "bars": lambda ax: plots.bars(ax, ["one", "two"], [0.5, 0.7], title="Bars"),
    "bars with intervals": lambda ax: plots.bars(
        ax, ["one", "two"], [0.5, 0.7], [0.4, 0.6], [0.6, 0.8], colors=[plots.GOOD, plots.BAD]),
    "lines": lambda ax: plots.lines(ax, [1, 2], {"x": [0, 1]}, xlabel="steps", ylabel="F1"),
    "lines with bands": lambda ax: plots.lines(
        ax, [1, 2], {"x": [0, 1], "y": [1, 0]}, {"x": ([0, 0], [1, 2]), "y": ([0, 0], [2, 1])}),
    "verdicts": lambda ax: plots.verdicts(
        ax, ["Good " * 30, "Bad."], ["positive", "negative"],
        {"one system": ["positive", "negative"], "other": ["negative", "negative"]}),
}  # fmt: skip


@pytest.fixture
def ax():
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    with mpl.rc_context():
        plots.style()
        figure, ax = plt.subplots()
        yield ax
        plt.close(figure)


@pytest.mark.parametrize("kind", DRAW)
def test_a_figure_is_drawn_without_a_warning(kind, ax):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert DRAW[kind](ax) is ax
        ax.figure.canvas.draw()


def texts(ax):
    return [t.get_text() for t in ax.texts]


def test_values_stand_where_they_belong(ax):
    DRAW["heat"](ax)
    assert texts(ax) == ["0.90", "0.10", "0.30", "0.70"]
    ink = [t.get_color() for t in ax.texts]
    assert ink == ["white", "black", "black", "white"]  # readable on dark and on light


def test_the_first_bar_is_on_top(ax):
    DRAW["bars"](ax)
    heights = dict(zip([t.get_text() for t in ax.get_yticklabels()], ax.get_yticks()))
    assert heights["one"] > heights["two"]


def test_a_verdict_does_not_rest_on_colour_alone(ax):
    DRAW["verdicts"](ax)
    truth = ["positive", "negative"]
    assert texts(ax) == [*truth, "+ positive", "+ negative", "x negative", "+ negative"]


def test_a_shown_figure_carries_its_alternative_text(ax):
    import matplotlib.pyplot as plt
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    existed = InteractiveShell.initialized()
    InteractiveShell.instance()
    try:
        with capture_output() as seen:
            plots.show(ax.figure, "two bars")
    finally:
        if not existed:
            InteractiveShell.clear_instance()
    (out,) = seen.outputs
    assert out.data["image/png"].startswith(b"\x89PNG")
    assert out.data["text/plain"] == "Figure: two bars"
    assert out.metadata["image/png"]["alt"] == "two bars"
    assert not plt.fignum_exists(ax.figure.number)  # or Jupyter would show it twice


def test_pieces_of_text_are_not_html():
    html = plots.tokens(["<b>", "a & b", '"'], [0, 0.5, 1]).data
    assert html.count("<span") == 3 and "<b>" not in html
    assert "&lt;b&gt;" in html and "a &amp; b" in html and "&quot;" in html
    assert plots.tokens([1, 2]).data.count("</span>") == 2  # ids, too
