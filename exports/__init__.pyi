from .context import Context, contexts_of
from .dataset import CannotWriteError, NotOurExportError
from .holders import Holders
from .items import ExportItem
from .licences import LicenceConflictError
from .projection import Evidence, Measurements, OfAll, Projection, Selection, TableSpec
from .registry import UnknownProjectionError, all_projections, projection_of, registered
from .release import ExportResult, NothingToExportError, export
from .weights import Weights

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
    "OfAll",
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
