"""Plots as SVG with colours and font from the page's style, so that they are legible in light, dark and print."""

from chatfeedback.report.plots.bars import Bar, bars
from chatfeedback.report.plots.intervals import Interval, intervals, known
from chatfeedback.report.plots.matrix import matrix
from chatfeedback.report.plots.scatter import Dot, scatter

__all__ = ["Bar", "Dot", "Interval", "bars", "intervals", "known", "matrix", "scatter"]
