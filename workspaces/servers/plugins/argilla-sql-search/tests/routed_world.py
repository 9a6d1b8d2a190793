"""A routed dataset on a real server, for tests of what an annotator sees, and of what leads write."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from datetime import datetime

    import httpx
    from running import Server

Json = dict[str, Any]
RECORDS = 8
NOWHERE = str(uuid4())
SECRET = "secretword"


class World:
    """A routed dataset: of its records Ann has 0 to 3 and Bob has 3 to 5; 6 and 7 are nobody's."""

    def __init__(self, server: Server) -> None:
        self.server = server
        tag = secrets.token_hex(4)
        self.workspace = server.call("POST", "/workspaces", json={"name": f"routed-{tag}"})["id"]
        self.users: dict[str, str] = {}
        self.clients: dict[str, httpx.Client] = {"owner": server.clients["owner"]}
        for name, role in (("ann", "annotator"), ("bob", "annotator"), ("eve", "admin")):
            user = server.call(
                "POST",
                "/users",
                json={
                    "username": f"{name}-{tag}",
                    "first_name": name,
                    "role": role,
                    "password": "12345678",
                },
            )
            self.users[name] = user["id"]
            self.clients[name] = server.client({"X-Argilla-Api-Key": user["api_key"]})
            if name != "eve":  # the admin of another workspace
                self.join(name)
        self.dataset, self.records = self.new_dataset("routed")
        self.property = self.call("GET", f"/me/datasets/{self.dataset}/metadata-properties")["items"][0]["id"]
        self.path = f"/datasets/{self.dataset}"
        self.responses = {
            (who, number): self.answer(who, number)
            for who, number in (("ann", 2), ("bob", 3), ("bob", 4), ("ann", 6))
        }
        assigned = [("ann", number, -number) for number in range(4)]
        assigned += [("bob", number, number) for number in range(3, 6)]
        self.assign(*assigned)
        self.call("PUT", f"{self.path}/routing", json={"routed": True})
        self.withdraw(("ann", 6))  # which Ann had answered before

    def new_dataset(self, name: str) -> tuple[str, list[str]]:
        body = {
            "name": name,
            "workspace_id": self.workspace,
            "distribution": {"strategy": "overlap", "min_submitted": 1},
        }
        dataset = self.call("POST", "/datasets", json=body)["id"]
        path = f"/datasets/{dataset}"
        words = {"type": "text", "use_markdown": False}
        field = {"name": "text", "title": "-", "required": True, "settings": words}
        self.call("POST", f"{path}/fields", json=field)
        question = {"name": "why", "title": "-", "required": True, "settings": words}
        asked = self.call("POST", f"{path}/questions", json=question)["id"]
        shown = {"name": "shown", "title": "-", "settings": {"type": "terms"}, "visible_for_annotators": True}
        self.call("POST", f"{path}/metadata-properties", json=shown)
        self.call("POST", f"{path}/vectors-settings", json={"name": "vector", "title": "-", "dimensions": 2})
        self.call("PUT", f"{path}/publish")
        items = [
            {
                "fields": {"text": f"number {number} {SECRET if number > 3 else 'plain'}"},
                "external_id": f"ext-{number}",
                "metadata": {"shown": f"{SECRET}-meta" if number > 3 else "open"},
                "suggestions": [{"question_id": asked, "value": SECRET if number > 3 else "perhaps"}],
                # of a record with vectors Argilla 2.8.0 fails to answer GET /records/{id}
                "vectors": {"vector": [1, number]} if number in (1, 5, 7) else None,
            }
            for number in range(RECORDS)
        ]
        made = self.call("POST", f"{path}/records/bulk", json={"items": items})["items"]
        return dataset, [record["id"] for record in made]

    def call(self, method: str, path: str, who: str = "owner", **options: Any) -> Any:
        response = self.clients[who].request(method, path, **options)
        assert response.status_code < 300, (method, path, response.status_code, response.text)
        return response.json() if response.content else None

    def join(self, name: str) -> None:
        self.call("POST", f"/workspaces/{self.workspace}/users", json={"user_id": self.users[name]})

    def answer(self, who: str, number: int, status: str = "submitted") -> str:
        record = self.records[number]
        return str(self.call("POST", f"/records/{record}/responses", who, json=body_of(status))["id"])

    def pair(self, who: str, number: int) -> Json:
        return {"record_id": self.records[number], "user_id": self.users[who]}

    def assign(self, *items: tuple[str, int, int], expires_at: datetime | None = None) -> None:
        expiry = None if expires_at is None else expires_at.isoformat()
        rows = [
            {**self.pair(who, number), "position": position, "expires_at": expiry}
            for who, number, position in items
        ]
        assert self.call("PUT", f"{self.path}/assignments", json={"items": rows}) == {"written": len(rows)}

    def withdraw(self, *pairs: tuple[str, int], unless_served: bool = False) -> int:
        body = {"items": [self.pair(*pair) for pair in pairs], "unless_served": unless_served}
        return int(self.call("POST", f"{self.path}/assignments/withdraw", json=body)["withdrawn"])

    def search(self, who: str, body: Json | None = None, **parameters: Any) -> httpx.Response:
        path = f"/me/datasets/{self.dataset}/records/search"
        return self.clients[who].post(path, json=body or {}, params={"limit": 100, **parameters})

    def found(self, who: str, body: Json | None = None, **parameters: Any) -> list[int]:
        answer = self.search(who, body, **parameters)
        assert answer.status_code == 200, answer.text
        items = [int(item["record"]["external_id"][4:]) for item in answer.json()["items"]]
        assert answer.json()["total"] >= len(items)
        return items


def body_of(status: str = "submitted", text: str = "because") -> Json:
    return {"values": {"why": {"value": text}}, "status": status}


def only(*statuses: str) -> Json:
    scope = {"entity": "response", "property": "status"}
    return {"filters": {"and": [{"type": "terms", "scope": scope, "values": list(statuses)}]}}


QUEUE = {
    "filters": {
        "and": [
            {"type": "terms", "scope": {"entity": entity, "property": "status"}, "values": ["pending"]}
            for entity in ("response", "record")
        ]
    }
}
