"""What is said of an Argilla that cannot give tasks to chosen people."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from workspaces.errors import CredentialsError, WorkbenchError
from workspaces.platforms.argilla.platform import ArgillaPlatform
from workspaces.platforms.routing import RoutingUnavailableError


def platform_that_says(status: int, body: object) -> ArgillaPlatform:
    platform = ArgillaPlatform("http://argilla.test", SecretStr("key"), lambda name: name, "ours")
    platform._connection._http = httpx.Client(
        base_url="http://argilla.test",
        transport=httpx.MockTransport(lambda _: httpx.Response(status, json=body)),
    )
    return platform


@pytest.mark.parametrize("status", [404, 405])
def test_an_argilla_without_our_search_engine_is_named_with_the_remedy(status: int) -> None:
    with pytest.raises(
        RoutingUnavailableError, match=r"install argilla-sql-search there.*or set routing\.enabled"
    ):
        platform_that_says(status, {"detail": "Not Found"}).router().check()


def test_an_argilla_that_says_of_no_dataset_that_it_is_not_there_can_route() -> None:
    said = {"detail": "Dataset with id `00000000-0000-0000-0000-000000000000` not found"}
    platform_that_says(404, said).router().check()


def test_another_search_engine_cannot_route() -> None:
    router = platform_that_says(409, {"detail": "only the search engine 'sql' can route"}).router()
    with pytest.raises(RoutingUnavailableError, match="ARGILLA_SEARCH_ENGINE=sql"):
        router.switch("00000000-0000-0000-0000-000000000000", routed=True)


@pytest.mark.parametrize(("status", "error"), [(403, CredentialsError), (422, WorkbenchError)])
def test_what_a_server_refuses_otherwise_is_said_as_it_is(status: int, error: type[WorkbenchError]) -> None:
    with pytest.raises(error) as raised:
        platform_that_says(status, {"detail": "no"}).router().switch(
            "00000000-0000-0000-0000-000000000000", routed=True
        )
    assert not isinstance(raised.value, RoutingUnavailableError)


def test_asking_who_can_answer_makes_no_workspace() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(200, json={"items": []})

    platform = ArgillaPlatform("http://argilla.test", SecretStr("key"), lambda name: name, "ours")
    transport = httpx.MockTransport(answer)
    platform._connection._http = httpx.Client(base_url="http://argilla.test", transport=transport)
    assert platform.router().accounts(lambda name: name).people == {}
    assert asked == ["GET"]
