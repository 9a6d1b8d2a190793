"""The report as a page: sections, each a small module from data to plots and tables, and the folder they fill."""

from chatfeedback.report.material import Material
from chatfeedback.report.section import Figure, Section, Table
from chatfeedback.report.write import Written, write

__all__ = ["Figure", "Material", "Section", "Table", "Written", "write"]
