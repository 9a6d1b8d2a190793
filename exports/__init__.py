"""Training sets made of people's answers."""

from exports.context import Context, contexts_of
from exports.dataset import CannotWriteError, NotOurExportError
from exports.holders import Holders
from exports.items import ExportItem
from exports.licences import LicenceConflictError
from exports.projection import Evidence, Measurements, Projection, Selection, TableSpec
from exports.registry import UnknownProjectionError, all_projections, projection_of, registered
from exports.release import ExportResult, NothingToExportError, export
from exports.weights import Weights

__all__ = [
    "CannotWriteError",
    "Context",
    "Evidence",
    "ExportItem",
    "ExportResult",
    "Holders",
    "LicenceConflictError",
    "Measurements",
    "NotOurExportError",
    "NothingToExportError",
    "Projection",
    "Selection",
    "TableSpec",
    "UnknownProjectionError",
    "Weights",
    "all_projections",
    "contexts_of",
    "export",
    "projection_of",
    "registered",
]
