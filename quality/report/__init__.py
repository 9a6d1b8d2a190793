"""The report on the answers so far: agreement on each question, each person's confidence, and the next steps."""

from quality.report.people import Check, Confidence, PersonReport
from quality.report.questions import QuestionReport
from quality.report.report import Report, build_report

__all__ = ["Check", "Confidence", "PersonReport", "QuestionReport", "Report", "build_report"]
