"""Croissant metadata: what search engines and loaders of machine learning data read of an export.

Source: Croissant Format Specification 1.0 and Croissant RAI 1.0, MLCommons.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from exports.columns import ListOf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from exports.columns import ColumnType
    from exports.tables import DatasetTable

    Source = Mapping[str, JsonValue]
    """What a field is read from: a file, or several."""

FILE = "croissant.json"
PARQUET = "application/x-parquet"
_CONTEXT: Mapping[str, JsonValue] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "equivalentProperty": "cr:equivalentProperty",
    "samplingRate": "cr:samplingRate",
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {
    "string": "sc:Text",
    "int64": "sc:Integer",
    "float64": "sc:Float",
    "bool": "sc:Boolean",
    "json": "sc:Text",
}
"""Of columns; a value of any form is stored as JSON text."""


def croissant(
    tables: Sequence[DatasetTable],
    sums: Mapping[str, str],
    *,
    title: str,
    method: str,
    limits: Sequence[str],
    licences: Sequence[str],
    created_on: str,
    digest: str,
) -> str:
    """Return the text of ``FILE``.

    Args:
        tables: the configurations.
        sums: the sha256 of every file, by path.
        title: of the dataset.
        method: how rows are made from answers.
        limits: what not to expect.
        licences: of the sources.
        created_on: the day, as 2026-05-31.
        digest: of all rows, which is the version.
    """
    files = [(table, split, paths) for table in tables for split, paths in table.files.items()]
    text = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": title,
        "description": f"{title}, made with ChatFeedback Workbench.",
        "license": list(licences),
        "datePublished": created_on,
        "version": f"1.0.0+{digest[:16]}",
        "rai:dataCollection": method,
        "rai:dataLimitations": list(limits),
        "rai:personalSensitiveInformation": (
            "Personal data that was recognised is replaced by placeholders; people are pseudonyms."
        ),
        "distribution": [
            *(_file(path, sums[path]) for _, _, paths in files for path in paths),
            *(_files(table, split, paths) for table, split, paths in files if len(paths) > 1),
        ],
        "recordSet": [_record_set(table, split, paths) for table, split, paths in files],
    }
    return json.dumps(text, indent=2, ensure_ascii=False) + "\n"


def _file(path: str, sha256: str) -> JsonValue:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "encodingFormat": PARQUET,
        "sha256": sha256,
    }


def _files(table: DatasetTable, split: str, paths: Sequence[str]) -> JsonValue:
    """Return the declaration of the files of a split that has several."""
    name = _name_of_files(table, split)
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "encodingFormat": PARQUET,
        "includes": list(paths),
    }


def _name_of_files(table: DatasetTable, split: str) -> str:
    return f"{table.name}_{split}_files"


def _record_set(table: DatasetTable, split: str, paths: Sequence[str]) -> JsonValue:
    name = f"{table.name}_{split}"
    source: Source = (
        {"fileObject": {"@id": paths[0]}}
        if len(paths) == 1
        else {"fileSet": {"@id": _name_of_files(table, split)}}
    )
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": table.description,
        "field": [_field(f"{name}/{column}", column, kind, source) for column, kind in table.columns.items()],
    }


def _field(name: str, column: str, kind: ColumnType, source: Source) -> JsonValue:
    """Return the declaration of a column; the fields in it are declared by their types alone."""
    repeated = isinstance(kind, ListOf)
    element = kind.element if isinstance(kind, ListOf) else kind
    declared: dict[str, JsonValue] = {
        "@type": "cr:Field",
        "@id": name,
        "name": name,
        "source": {**source, "extract": {"column": column}},
    }
    if repeated:
        declared["repeated"] = True
    if isinstance(element, str):
        declared["dataType"] = _TYPES[element]
    elif isinstance(element, ListOf):
        declared["dataType"] = "sc:Text"
    else:
        declared["subField"] = [
            {
                **inner,
                "source": {**source, "extract": {"column": column}, "transform": {"jsonPath": field}},
            }
            for field, of_field in element.items()
            if isinstance(inner := _field(f"{name}/{field}", column, of_field, source), dict)
        ]
    return declared
