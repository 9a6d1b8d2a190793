"""Training sets made of what people answered."""

from exports.context import Context, contexts_of
from exports.dataset import NotOurExportError
from exports.dpo import export_dpo
from exports.kto import export_kto
from exports.licences import LicenceConflictError
from exports.release import ExportResult, NothingToExportError

__all__ = [
    "Context",
    "ExportResult",
    "LicenceConflictError",
    "NotOurExportError",
    "NothingToExportError",
    "contexts_of",
    "export_dpo",
    "export_kto",
]
