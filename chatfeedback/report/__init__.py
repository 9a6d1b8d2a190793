"""The report as a page: sections, each a small module from data to plots and tables, and the folder they fill."""

from chatfeedback.report.inputs import ReportInputs
from chatfeedback.report.section import Figure, Section, SectionTable
from chatfeedback.report.write import Reported, Written, write, write_report

__all__ = [
    "Figure",
    "ReportInputs",
    "Reported",
    "Section",
    "SectionTable",
    "Written",
    "write",
    "write_report",
]
