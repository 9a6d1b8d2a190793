"""Every route of Argilla's API, and what an annotator may hold of it. What is not named here is closed.

Owners and admins are not concerned. What is somebody else's, for an annotator: another person's answers, name,
e-mail address and account; which agent made a suggestion (the name of one who suggested is a name); metadata that
the dataset does not show to annotators; and when others answered, which `updated_at` of a record and
`last_activity_at` of a dataset tell.

Of a routed dataset, a record that is not assigned to the annotator is somebody else's as well.

What is nobody's: how many records there are and how many are completed. A record's `status` says that as many
people as the dataset asks for have answered, not who or what; the page asks for pending records by it. In a routed
dataset the figures are those of the annotator's own records, and so is the status that the page asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from argilla_sql_search.views import (
    Each,
    EachOwn,
    Empty,
    Fields,
    FirstLine,
    Hidden,
    Own,
    SameAs,
    StatusForThem,
    VisibleMetadata,
    Whole,
)

if TYPE_CHECKING:
    from argilla_sql_search.views import View


@dataclass(frozen=True)
class Public:
    """Open to strangers too, without an account; holds nothing of anybody."""


@dataclass(frozen=True)
class Closed:
    """For owners and admins; an annotator gets 403 before the route runs."""


class About(Enum):
    """What a request is about, where a dataset is routed: it has to be the annotator's (`gate.py`)."""

    RECORD = "a record, which the path names"
    RESPONSE = "a response, which the path names"
    BULK = "the responses that the body holds"
    SEARCH = "the records of a dataset"
    FIGURES = "figures over the records of a dataset"


@dataclass(frozen=True)
class Seen:
    """Open to annotators, who see the answer through a view.

    Args:
        view: what they may hold of the body of an answer that succeeded.
        about: what of a routed dataset the request is about; None for what is everybody's. A search asks with
            filters and orders, which are checked before (`queries.py`).
        shows_metadata: whether the body holds metadata of records.
        serves_records: whether it is noted that the records in the body were served to the annotator.
    """

    view: View
    about: About | None = None
    shows_metadata: bool = False
    serves_records: bool = False


Rule = Public | Closed | Seen

WHOLE = Whole()


def _whole(*keys: str) -> dict[str, View]:
    return dict.fromkeys(keys, WHOLE)


RESPONSE = Own(
    Fields(_whole("id", "values", "status", "record_id", "user_id", "inserted_at", "updated_at")),
    "user_id",
    "id",
)
SUGGESTION = Fields(
    _whole("id", "question_id", "type", "value", "score", "inserted_at", "updated_at") | {"agent": Hidden()}
)
RECORD = Fields(
    _whole("id", "fields", "external_id", "vectors", "dataset_id", "inserted_at")
    | {
        "status": StatusForThem(),
        "metadata": VisibleMetadata(),
        "responses": EachOwn(RESPONSE),
        "suggestions": Each(SUGGESTION),
        "updated_at": SameAs("inserted_at"),
    }
)
DATASET = Fields(
    _whole("id", "name", "guidelines", "allow_extra_metadata", "status", "distribution", "metadata")
    | _whole("workspace_id", "inserted_at", "updated_at")
    | {"last_activity_at": SameAs("updated_at")}
)
USER = Own(
    Fields(
        _whole("id", "first_name", "last_name", "username", "role", "api_key", "inserted_at", "updated_at")
    ),
    "id",
    "id",
)
REFUSAL = Fields({"detail": FirstLine(), "message": FirstLine(), "code": WHOLE})
"""What everybody but a lead sees of an answer that refuses the request (its status is 4xx)."""

USERS_PROGRESS = EachOwn(Own(Fields(_whole("username", "completed", "pending")), "username", "username"))


def _items(view: View) -> Fields:
    return Fields({"items": view})


ROUTES: dict[str, Rule] = {
    # the server
    "GET /version": Public(),
    "GET /status": Public(),
    "GET /settings": Public(),
    "GET /openapi.json": Public(),
    "GET /docs": Public(),
    "GET /docs/oauth2-redirect": Public(),
    "GET /redoc": Public(),
    # signing in
    "POST /token": Public(),
    "GET /oauth2/providers": Public(),
    "GET /oauth2/providers/{provider}/authentication": Public(),
    "GET /oauth2/providers/{provider}/access-token": Public(),
    # accounts
    "GET /me": Seen(USER),
    "GET /users": Closed(),
    "POST /users": Closed(),
    "GET /users/{user_id}": Closed(),
    "PATCH /users/{user_id}": Closed(),
    "DELETE /users/{user_id}": Closed(),
    "GET /users/{user_id}/workspaces": Closed(),
    # workspaces
    "GET /me/workspaces": Seen(_items(Each(WHOLE))),
    "GET /workspaces/{workspace_id}": Seen(WHOLE),
    "POST /workspaces": Closed(),
    "DELETE /workspaces/{workspace_id}": Closed(),
    "GET /workspaces/{workspace_id}/users": Closed(),
    "POST /workspaces/{workspace_id}/users": Closed(),
    "DELETE /workspaces/{workspace_id}/users/{user_id}": Closed(),
    # datasets
    "GET /me/datasets": Seen(_items(Each(DATASET))),
    "GET /datasets/{dataset_id}": Seen(DATASET),
    "POST /datasets": Closed(),
    "PATCH /datasets/{dataset_id}": Closed(),
    "DELETE /datasets/{dataset_id}": Closed(),
    "PUT /datasets/{dataset_id}/publish": Closed(),
    "POST /datasets/{dataset_id}/import": Closed(),
    "POST /datasets/{dataset_id}/export": Closed(),
    # their settings
    "GET /datasets/{dataset_id}/fields": Seen(_items(Each(WHOLE))),
    "POST /datasets/{dataset_id}/fields": Closed(),
    "PATCH /fields/{field_id}": Closed(),
    "DELETE /fields/{field_id}": Closed(),
    "GET /datasets/{dataset_id}/questions": Seen(_items(Each(WHOLE))),
    "POST /datasets/{dataset_id}/questions": Closed(),
    "PATCH /questions/{question_id}": Closed(),
    "DELETE /questions/{question_id}": Closed(),
    "GET /me/datasets/{dataset_id}/metadata-properties": Seen(_items(Each(WHOLE))),
    "POST /datasets/{dataset_id}/metadata-properties": Closed(),
    "PATCH /metadata-properties/{metadata_property_id}": Closed(),
    "DELETE /metadata-properties/{metadata_property_id}": Closed(),
    "GET /metadata-properties/{metadata_property_id}/metrics": Seen(WHOLE, about=About.FIGURES),
    "GET /datasets/{dataset_id}/vectors-settings": Seen(_items(Each(WHOLE))),
    "POST /datasets/{dataset_id}/vectors-settings": Closed(),
    "PATCH /vectors-settings/{vector_settings_id}": Closed(),
    "DELETE /vectors-settings/{vector_settings_id}": Closed(),
    # progress
    "GET /me/datasets/{dataset_id}/metrics": Seen(
        Fields({"responses": Fields(_whole("total", "submitted", "discarded", "draft", "pending"))}),
        about=About.FIGURES,
    ),
    "GET /datasets/{dataset_id}/progress": Seen(
        Fields(_whole("total", "completed", "pending") | {"users": USERS_PROGRESS}), about=About.FIGURES
    ),
    "GET /datasets/{dataset_id}/users/progress": Seen(Fields({"users": USERS_PROGRESS})),
    # routing, of this plug-in
    "GET /datasets/{dataset_id}/routing": Closed(),
    "PUT /datasets/{dataset_id}/routing": Closed(),
    "GET /datasets/{dataset_id}/assignments": Closed(),
    "PUT /datasets/{dataset_id}/assignments": Closed(),
    "POST /datasets/{dataset_id}/assignments/withdraw": Closed(),
    # records
    "POST /me/datasets/{dataset_id}/records/search": Seen(
        Fields({"items": Each(Fields({"record": RECORD, "query_score": WHOLE})), "total": WHOLE}),
        about=About.SEARCH,
        shows_metadata=True,
        serves_records=True,
    ),
    "GET /records/{record_id}": Seen(RECORD, about=About.RECORD, shows_metadata=True, serves_records=True),
    "GET /datasets/{dataset_id}/records": Closed(),
    "GET /datasets/{dataset_id}/records/served": Closed(),  # of this plug-in
    "POST /datasets/{dataset_id}/records/search": Closed(),
    "POST /datasets/{dataset_id}/records/bulk": Closed(),
    "PUT /datasets/{dataset_id}/records/bulk": Closed(),
    "DELETE /datasets/{dataset_id}/records": Closed(),
    "PATCH /records/{record_id}": Closed(),
    "DELETE /records/{record_id}": Closed(),
    # answers
    "GET /datasets/{dataset_id}/responses/changed": Closed(),  # of this plug-in
    "POST /records/{record_id}/responses": Seen(RESPONSE, about=About.RECORD),
    "POST /me/responses/bulk": Seen(
        _items(Each(Fields({"item": RESPONSE, "error": Fields({"detail": FirstLine()})}))),
        about=About.BULK,
    ),
    "PUT /responses/{response_id}": Seen(RESPONSE, about=About.RESPONSE),
    "DELETE /responses/{response_id}": Seen(RESPONSE, about=About.RESPONSE),
    # suggestions
    "GET /records/{record_id}/suggestions": Seen(_items(Each(SUGGESTION)), about=About.RECORD),
    "PUT /records/{record_id}/suggestions": Closed(),
    "DELETE /records/{record_id}/suggestions": Closed(),
    "DELETE /suggestions/{suggestion_id}": Closed(),
    "GET /datasets/{dataset_id}/records/search/suggestions/options": Seen(
        _items(Each(Fields({"question": WHOLE, "agents": Empty()})))
    ),
    # webhooks and jobs
    "GET /webhooks": Closed(),
    "POST /webhooks": Closed(),
    "PATCH /webhooks/{webhook_id}": Closed(),
    "DELETE /webhooks/{webhook_id}": Closed(),
    "POST /webhooks/{webhook_id}/ping": Closed(),
    "GET /jobs/{job_id}": Closed(),
}
