"""What Elasticsearch would answer, for comparing the SQL engine with.

Elasticsearch cannot be installed here. So Argilla's own `BaseElasticAndOpenSearchEngine` turns records into
documents and searches into query DSL, and an in-memory interpreter, written from the documentation of
Elasticsearch, evaluates exactly the DSL that Argilla emits: bool, match_all, terms, term, range, exists,
nested, ids, simple_query_string, function_score with random_score, knn; sorting, also nested with mode avg;
the aggregations terms, stats and value_count. Documents are scanned in the order they were indexed, which
also breaks ties.
"""

from __future__ import annotations

import dataclasses
import math
import re
import struct
from datetime import datetime
from enum import Enum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from argilla_server.search_engine.commons import (
    BaseElasticAndOpenSearchEngine,
    es_bool_query,
    es_field_for_vector_settings,
    es_ids_query,
)
from reference_query import Corpus

if TYPE_CHECKING:
    from uuid import UUID

    from argilla_server.models import VectorSettings


Hit = tuple[int, float]
"""The place of a document that matches, and its score."""


class BadRequestError(Exception):
    """Elasticsearch answers 400."""


class Index:
    """One index: the mapping, flattened to type by field, and the documents by id."""

    def __init__(self, properties: dict[str, Any]) -> None:
        self.types: dict[str, str] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self.add_mapping(properties)

    def add_mapping(self, properties: dict[str, Any], prefix: str = "") -> None:
        for name, mapping in properties.items():
            if mapping.get("enabled") is False:
                continue
            if "properties" in mapping:
                self.add_mapping(mapping["properties"], f"{prefix}{name}.")
            elif mapping.get("type") not in {"object", "nested"}:
                self.types[f"{prefix}{name}"] = mapping["type"]

    def values(self, document: dict[str, Any], field: str) -> list[Any]:
        """Return the values of `field` as it is indexed; an unmapped field has none."""
        if field not in self.types:
            return []
        stored = [value for value in _flatten(_at(document, field)) if value is not None]
        return [_coerce(value, self.types[field]) for value in stored]


def _at(node: Any, path: str) -> Any:
    """Return what stands at a dotted path; a name may itself hold dots."""
    if path == "":
        return node
    if isinstance(node, list):
        return [_at(item, path) for item in node]
    if not isinstance(node, dict):
        return None
    for name, value in node.items():
        if path == name:
            return value
        if path.startswith(f"{name}."):
            return _at(value, path[len(name) + 1 :])
    return None


def _flatten(value: Any) -> list[Any]:
    return [inner for item in value for inner in _flatten(item)] if isinstance(value, list) else [value]


def _coerce(value: Any, kind: str) -> Any:
    value = value.value if isinstance(value, Enum) else value
    if kind in {"keyword", "text"}:
        return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    if kind in {"long", "integer"}:
        return int(value)
    if kind == "float":
        return struct.unpack("<f", struct.pack("<f", float(value)))[0]
    return value  # a date stays a datetime


def _query_value(value: Any, kind: str) -> Any:
    """Coerce a value of a term or a bound of a range."""
    value = value.value if isinstance(value, Enum) else value
    if kind == "keyword":
        return str(value)
    if kind == "date_nanos":
        return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value.strip()):
            message = f'For input string: "{value}"'
            raise BadRequestError(message)
        value = float(value) if re.search(r"[.eE]", value) else int(value)
    return _coerce(value, "float") if kind == "float" else value


@dataclasses.dataclass
class ReferenceEngine(BaseElasticAndOpenSearchEngine):
    """Argilla's Elasticsearch engine over the interpreter."""

    number_of_shards: int = 1
    number_of_replicas: int = 0
    indexes: dict[str, Index] = dataclasses.field(default_factory=dict)

    @classmethod
    async def new_instance(cls) -> ReferenceEngine:
        return cls()

    async def close(self) -> None:
        pass

    async def ping(self) -> bool:
        return True

    async def info(self) -> dict[str, Any]:
        return {}

    def _mapping_for_vector_settings(self, vector_settings: VectorSettings) -> dict[str, Any]:
        return {
            es_field_for_vector_settings(vector_settings): {
                "type": "dense_vector",
                "dims": vector_settings.dimensions,
            }
        }

    async def _create_index_request(
        self, index_name: str, mappings: dict[str, Any], settings: dict[str, Any]
    ) -> None:
        self.indexes[index_name] = Index(mappings["properties"])

    async def _delete_index_request(self, index_name: str) -> None:
        self.indexes.pop(index_name, None)

    async def put_index_mapping_request(self, index: str, mappings: dict[str, Any]) -> None:
        self.indexes[index].add_mapping(mappings)

    async def _index_exists_request(self, index_name: str) -> bool:
        return index_name in self.indexes

    async def _bulk_op_request(self, actions: list[dict[str, Any]]) -> None:
        for action in actions:
            index = self.indexes[action["_index"]]
            if action["_op_type"] == "delete":
                index.documents.pop(str(action["_id"]), None)
            else:
                index.documents[str(action["_id"])] = {
                    name: value for name, value in action.items() if not name.startswith("_")
                }

    async def _update_document_request(
        self,
        index_name: str,
        id: str,  # noqa: A002
        body: dict[str, Any],
    ) -> None:
        raise NotImplementedError

    async def _request_similarity_search(
        self,
        index: str,
        vector_settings: VectorSettings,
        value: list[float],
        k: int,
        excluded_id: UUID | None = None,
        query_filters: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Exact nearest neighbours: what the approximate search would find with enough candidates."""
        searched, field = self.indexes[index], es_field_for_vector_settings(vector_settings)
        conditions = es_bool_query(
            should=query_filters,
            minimum_should_match=len(query_filters) if query_filters else None,
            must_not=[es_ids_query([str(excluded_id)])] if excluded_id else None,
        )
        evaluator = Evaluator(searched)
        hits = []
        for at, (identity, document) in enumerate(searched.documents.items()):
            vector = _at(document, field)
            if vector is not None and evaluator.score(conditions, document, at) is not None:
                cosine = sum(a * b for a, b in zip(vector, value, strict=True)) / (
                    math.hypot(*vector) * math.hypot(*value)
                )
                hits.append({"_id": identity, "_score": (1 + cosine) / 2})
        hits = sorted(hits, key=lambda hit: (-hit["_score"], hit["_id"]))[:k]
        return {"hits": {"hits": hits, "total": {"value": len(hits)}}}

    async def _index_search_request(
        self,
        index: str,
        query: dict[str, Any],
        size: int | None = None,
        from_: int | None = None,
        sort: Any = None,  # a list, though Argilla's annotation says dict
        aggregations: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        searched = self.indexes[index]
        evaluator = Evaluator(searched)
        scored = [
            (at, evaluator.score(query, document, at))
            for at, document in enumerate(searched.documents.values())
        ]
        matching = [(at, score) for at, score in scored if score is not None]
        identities, documents = list(searched.documents), list(searched.documents.values())
        if aggregations:
            return {
                "aggregations": {
                    name: _aggregate(searched, aggregation, [documents[at] for at, _ in matching])
                    for name, aggregation in aggregations.items()
                }
            }
        if sort:
            for key in reversed(sort):
                matching = _sorted_by(evaluator, key, matching, documents)
        else:
            matching.sort(key=lambda hit: -hit[1])
        page = matching[from_ or 0 : (from_ or 0) + (10 if size is None else size)]
        hits = [{"_id": identities[at], "_score": None if sort else score} for at, score in page]
        return {"hits": {"hits": hits, "total": {"value": len(matching)}}}


class Evaluator:
    """Evaluates queries on the documents of one index; text queries once for all documents."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._texts: dict[str, list[float | None]] = {}

    def score(self, query: dict[str, Any], document: dict[str, Any], at: int) -> float | None:
        """Return the score of a document, None where it does not match. A filter scores 0 or more."""
        ((kind, body),) = query.items()
        if kind == "match_all":
            return 1.0
        if kind == "function_score":
            return self.score(body["query"], document, at)  # the random factor is not compared
        if kind == "simple_query_string":
            return self._text(body)[at]
        if kind == "ids":
            return 1.0 if document["id"] in body["values"] else None
        if kind == "nested":
            return (
                1.0
                if any(
                    self.matches(body["query"], document, at, nested)
                    for nested in document.get("responses", [])
                )
                else None
            )
        if kind == "bool":
            return self._bool(body, document, at)
        return 1.0 if self.matches(query, document, at, None) else None

    def _bool(self, body: dict[str, Any], document: dict[str, Any], at: int) -> float | None:
        def scores(clause: str) -> list[float | None]:
            queries = body.get(clause, [])
            return [
                self.score(query, document, at)
                for query in (queries if isinstance(queries, list) else [queries])
            ]

        must, filters, should = scores("must"), scores("filter"), scores("should")
        if None in must or None in filters or any(score is not None for score in scores("must_not")):
            return None
        hits = [score for score in should if score is not None]
        if len(hits) < body.get("minimum_should_match", 1 if should and not must and not filters else 0):
            return None
        return sum(score for score in (*must, *hits) if score is not None)

    def matches(
        self, query: dict[str, Any], document: dict[str, Any], at: int, nested: dict[str, Any] | None
    ) -> bool:
        """Evaluate a filter on a document, or on one of its nested responses."""
        ((kind, body),) = query.items()
        if kind == "bool" and nested is not None:
            must = body.get("must", [])
            return all(self.matches(clause, document, at, nested) for clause in must)
        if kind == "exists":
            return bool(document.get(body["field"]))
        ((field, operand),) = body.items()
        type_ = self.index.types.get(field)
        if type_ is None:
            return False
        source = {"responses": nested} if nested is not None else document
        values = self.index.values(source, field)
        if kind == "range":
            low, high = (
                _query_value(operand[bound], type_) if bound in operand else None for bound in ("gte", "lte")
            )
            return any((low is None or low <= value) and (high is None or value <= high) for value in values)
        wanted = [operand] if kind == "term" else operand
        coerced = [_query_value(value, type_) for value in wanted]
        return any(value in coerced for value in values)

    def _text(self, body: dict[str, Any]) -> list[float | None]:
        key = repr(body)
        if key not in self._texts:
            assert body["default_operator"] == "AND"
            assert body["fuzzy_transpositions"] is False
            (pattern,) = body["fields"]
            searchable = {
                name: kind for name, kind in self.index.types.items() if kind in {"text", "keyword"}
            }
            fields = [name for name in searchable if fnmatchcase(name, pattern)]
            corpus = Corpus(
                [
                    {name: self.index.values(document, name) for name in searchable}
                    for document in self.index.documents.values()
                ],
                searchable,
            )
            self._texts[key] = corpus.scores(
                body["query"], fields, fuzzy_expansions=body["fuzzy_max_expansions"]
            )
        return self._texts[key]


def _sorted_by(
    evaluator: Evaluator, key: dict[str, Any], matching: list[Hit], documents: list[dict[str, Any]]
) -> list[Hit]:
    ((field, order),) = key.items()
    options = order if isinstance(order, dict) else {"order": order}
    kind = evaluator.index.types.get(field)
    if kind is None:
        message = f"No mapping found for [{field}] in order to sort on"
        raise BadRequestError(message)
    if options.get("mode") == "avg" and kind == "keyword":
        message = "we only support AVG, MEDIAN and SUM on number based fields"
        raise BadRequestError(message)
    descending = options["order"] == "desc"

    def value(document: dict[str, Any], at: int) -> Any:
        if "nested" in options:
            kept = [
                nested
                for nested in document.get("responses", [])
                if "filter" not in options["nested"]
                or evaluator.matches(options["nested"]["filter"], document, at, nested)
            ]
            values = [
                value for nested in kept for value in evaluator.index.values({"responses": nested}, field)
            ]
            # An integer field's average is rounded to an integer.
            return math.floor(sum(values) / len(values) + 0.5) if values else None
        values = evaluator.index.values(document, field)
        return (max if descending else min)(values) if values else None

    keyed = [(value(documents[at], at), (at, score)) for at, score in matching]
    present = [pair for pair in keyed if pair[0] is not None]
    present.sort(
        key=lambda pair: pair[0].encode() if isinstance(pair[0], str) else pair[0], reverse=descending
    )
    return [hit for _, hit in present] + [hit for key_, hit in keyed if key_ is None]


def _aggregate(index: Index, aggregation: dict[str, Any], documents: list[dict[str, Any]]) -> dict[str, Any]:
    ((kind, body),) = aggregation.items()
    # Doc values of a keyword are a set in each document.
    unique = index.types.get(body["field"]) == "keyword"
    per_document = [index.values(document, body["field"]) for document in documents]
    values = [value for values in per_document for value in (set(values) if unique else values)]
    if kind == "value_count":
        return {"value": len(values)}
    if kind == "stats":
        return {"min": min(values, default=None), "max": max(values, default=None)}
    counts = {value: values.count(value) for value in values}
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].encode()))[: body["size"]]
    return {"buckets": [{"key": key, "doc_count": count} for key, count in ranked]}
