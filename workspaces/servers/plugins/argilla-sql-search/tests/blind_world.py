"""A dataset on a running server whose answers, names and seeds are marked with canaries."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from running import Server


class World:
    """A dataset with answers of two annotators, whose words and names are marked with canaries."""

    def __init__(self, server: Server) -> None:
        self.server = server
        tag = secrets.token_hex(4)
        self.canary = f"canary{tag}"
        self.workspace = server.call("POST", "/workspaces", json={"name": f"blind-{tag}"})["id"]
        body = {
            "name": "blind",
            "workspace_id": self.workspace,
            "distribution": {"strategy": "overlap", "min_submitted": 2},
        }
        self.dataset = server.call("POST", "/datasets", json=body)["id"]
        path = f"/datasets/{self.dataset}"
        self.field = server.call(
            "POST",
            f"{path}/fields",
            json={
                "name": "text",
                "title": "-",
                "required": True,
                "settings": {"type": "text", "use_markdown": True},
            },
        )["id"]
        self.question = server.call(
            "POST",
            f"{path}/questions",
            json={
                "name": "why",
                "title": "-",
                "required": True,
                "settings": {"type": "text", "use_markdown": False},
            },
        )["id"]
        self.properties = [
            server.call(
                "POST",
                f"{path}/metadata-properties",
                json={
                    "name": name,
                    "title": name,
                    "settings": {"type": "terms"},
                    "visible_for_annotators": name == "shown",
                },
            )["id"]
            for name in ("shown", "seed")
        ]
        self.vectors = server.call(
            "POST", f"{path}/vectors-settings", json={"name": "vector", "title": "-", "dimensions": 2}
        )["id"]
        server.call("PUT", f"{path}/publish")
        items = [
            {
                "fields": {"text": f"number {number}"},
                "external_id": str(number),
                "metadata": {"shown": "all", "seed": f"{self.canary}-seed"},
                "suggestions": [
                    {"question_id": self.question, "value": "perhaps", "agent": f"{self.canary}-agent"}
                ],
                # of a record with vectors Argilla 2.8.0 fails to answer GET /records/{id}
                "vectors": {"vector": [1, number]} if number == 2 else None,
            }
            for number in range(4)
        ]
        self.records = [
            item["id"] for item in server.call("POST", f"{path}/records/bulk", json={"items": items})["items"]
        ]
        self.users, self.clients, self.responses = {}, {}, {}
        for name in ("ann", "bob"):
            mark = self.canary if name == "bob" else f"own{tag}"
            user = server.call(
                "POST",
                "/users",
                json={
                    "username": f"{mark}-{name}@example.org",
                    "first_name": f"{mark}-first",
                    "last_name": f"{mark}-last",
                    "role": "annotator",
                    "password": "12345678",
                },
            )
            self.users[name] = user["id"]
            server.call("POST", f"/workspaces/{self.workspace}/users", json={"user_id": user["id"]})
            token = httpx.post(
                f"{server.url}/api/v1/token", data={"username": user["username"], "password": "12345678"}
            ).json()["access_token"]
            headers = {"X-Argilla-Api-Key": user["api_key"]}, {"Authorization": f"Bearer {token}"}
            self.clients[name] = [server.client(each) for each in headers]
            for record in self.records[:2]:
                answer = self.clients[name][0].post(
                    f"/records/{record}/responses",
                    json={"values": {"why": {"value": f"{mark} says so"}}, "status": "submitted"},
                )
                assert answer.status_code == 201, answer.text
                self.responses[name] = answer.json()["id"]
        self.foreign = [self.canary, self.users["bob"], self.responses["bob"]]
