"""The report: an HTML page of sections with plots and tables, and the folder with its files."""

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
