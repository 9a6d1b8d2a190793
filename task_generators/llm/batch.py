"""The Batch API: many requests in one file, answered within a day, for less money.

Source: OpenAI, "Batch API" (platform.openai.com/docs/guides/batch): /files, /batches, and the files of results and
errors, one JSON object a line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from task_generators.llm.chat import PATH, Completion, as_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

    from task_generators.llm.endpoint import Endpoint

MAX_REQUESTS = 10_000
MAX_FILE_BYTES = 100 * 1024 * 1024
"""Bounds of one batch; OpenAI takes 50,000 requests in 200 MB."""

MAX_RESULT_BYTES = 512 * 1024 * 1024

ENDED = frozenset({"completed", "expired", "cancelled", "failed"})


class RemoteBatch(BaseModel):
    """What is read of a batch (``openai.types.Batch``)."""

    id: str
    status: str
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: Any = None
    metadata: Any = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ENDED

    @property
    def fault(self) -> str:
        """Why it failed as a whole, in the endpoint's words; a line of at most 300 characters."""
        data = self.errors.get("data") if isinstance(self.errors, dict) else None
        first = data[0] if isinstance(data, list) and data else None
        said = str(first.get("message", "")) if isinstance(first, dict) else ""
        return "".join(each if each.isprintable() else " " for each in said)[:300]


class _Batches(BaseModel):
    data: list[RemoteBatch] = []
    has_more: bool | None = False


class _File(BaseModel):
    id: str


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What came of one request: a completion, or the status or code of its failure."""

    custom_id: str
    completion: Completion | None
    status: int | None
    fault: str


def batch_line(custom_id: str, body: CompletionCreateParamsNonStreaming) -> bytes:
    """Return one request as a line of the file."""
    head = json.dumps({"custom_id": custom_id, "method": "POST", "url": f"/v1{PATH}"})
    return head.encode()[:-1] + b', "body": ' + as_bytes(body) + b"}\n"


class BatchClient:
    """Submits batches and reads their results; errors are those of ``Endpoint.call``."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def submit(self, lines: bytes, name: str) -> str:
        """Submit requests and return the endpoint's id of the batch; ``name`` finds it again if no answer comes."""

        async def submitted() -> str:
            file = ("requests.jsonl", lines, "application/jsonl")
            uploaded = await self._endpoint.post("/files", files={"file": file}, data={"purpose": "batch"})
            batch = await self._endpoint.post(
                "/batches",
                attempts=1,  # a second one would be a second batch, if the answer to the first was lost
                json={
                    "input_file_id": _File.model_validate_json(uploaded).id,
                    "endpoint": f"/v1{PATH}",
                    "completion_window": "24h",
                    "metadata": {"chatfeedback": name},
                },
            )
            return RemoteBatch.model_validate_json(batch).id

        return self._endpoint.call(submitted)

    def find(self, name: str) -> RemoteBatch | None:
        """Return the batch that was submitted by this name; None if none was."""
        after: dict[str, str] = {}
        while True:
            page = self._listed(after)
            for batch in page.data:
                if isinstance(batch.metadata, dict) and batch.metadata.get("chatfeedback") == name:
                    return batch
            if not page.has_more or not page.data or after.get("after") == page.data[-1].id:
                return None
            after = {"after": page.data[-1].id}

    def look(self, remote_id: str) -> RemoteBatch:
        """Return how a batch stands."""

        async def looked() -> RemoteBatch:
            return RemoteBatch.model_validate_json(await self._endpoint.get(f"/batches/{remote_id}"))

        return self._endpoint.call(looked)

    def results(self, batch: RemoteBatch) -> Iterator[BatchResult]:
        """Yield what came of the requests of a batch that has ended, those that failed last; a line that cannot be
        read is left out, and so its request has no result.
        """
        for file_id in (batch.output_file_id, batch.error_file_id):
            if file_id is not None:
                for line in self._content(file_id).splitlines():
                    if (result := _result(line)) is not None:
                        yield result

    def _listed(self, after: dict[str, str]) -> _Batches:
        async def listed() -> _Batches:
            content = await self._endpoint.get("/batches", params={"limit": "100", **after})
            return _Batches.model_validate_json(content)

        return self._endpoint.call(listed)

    def _content(self, file_id: str) -> bytes:
        async def content() -> bytes:
            return await self._endpoint.get(f"/files/{file_id}/content")

        return self._endpoint.call(content)


class _Response(BaseModel):
    status_code: int
    body: Any = None


class _Line(BaseModel):
    custom_id: str
    response: _Response | None = None
    error: Any = None


def _result(line: bytes) -> BatchResult | None:
    try:
        read = _Line.model_validate_json(line)
    except ValidationError:
        return None
    if read.response is None:
        code = read.error.get("code") if isinstance(read.error, dict) else None
        return BatchResult(read.custom_id, None, None, f"the batch gave no answer: {str(code)[:40]}")
    status = read.response.status_code
    if status != 200:
        return BatchResult(read.custom_id, None, status, f"the request was refused: {status}")
    try:
        completion = Completion.model_validate(read.response.body)
    except ValidationError:
        return BatchResult(read.custom_id, None, status, "the reply is of no known form")
    return BatchResult(read.custom_id, completion, status, "")
