"""How long do the lead's pages and one's own take over many answers, and the figures? 1,000,000 unless told otherwise.

    PYTHONPATH=. uv run python bench/dashboard.py            # 1,000,000 answers
    PYTHONPATH=. uv run python bench/dashboard.py 10000 --keep /tmp/w

A workspace with a third as many tasks as answers, a tenth as many conversations, 200 people and a ledger with as many
transactions as answers is written straight into the store. Then the figures are read whole; again after 100 more
answers; and each page is opened 20 times by a signed-in lead, and by a person who gave a tenth of the conversations.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from starlette.testclient import TestClient

from chatfeedback import steps
from chatfeedback.web.app import application
from chatfeedback.web.lead_figures import LiveFigures
from reward_engine.accounts import credit
from reward_engine.ledger import Posting, post
from tests.sample_records import NOW
from workspaces import garbage
from workspaces.chunks import in_chunks
from workspaces.records import AnnotationStatus, Conversation, Message, Role, Significance, Task, stable_id
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.identities import save_identities
from workspaces.store.insert import insert_rows
from workspaces.store.members import MemberStatus, admit
from workspaces.store.settlements import settlement
from workspaces.store.tasks import save_tasks
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette

CONFIGURATION = "version: 1\nplatforms: {argilla: {url: managed}}\n"
PEOPLE, OVERLAP = 200, 3
KINDS = ("qualitative", "preference")
TIMES = 20
LEADS_PAGES = (
    "/lead",
    "/lead/table/people",
    "/lead/table/hours",
    "/lead/people",
    "/lead/review",
    "/lead/conversations",
    "/lead/messages",
)
OWN_PAGES = ("/me", "/me/points", "/me/history", "/me/messages", "/me/chats", "/me/chats?page=300", "/chat")
BATCH = 20_000


def person(number: int) -> str:
    return stable_id("bench", f"person {number}")


def answer(number: int) -> AnnotationRevision:
    task, place = divmod(number, OVERLAP)
    at = NOW + timedelta(minutes=number / 40)
    return AnnotationRevision(
        annotation_id=f"a{number}",
        revision=1,
        task_id=f"t{task}",
        person_id=person((task + 67 * place) % PEOPLE),
        platform="argilla",
        response_id=str(number),
        status=AnnotationStatus.SUBMITTED,
        answers={"helpful": "yes"},
        content_hash="",
        updated_at=at,
        synced_at=at,
    )


def conversation(number: int) -> Conversation:
    """Every tenth is the first person's, so that theirs is the longest list of all."""
    name = f"c{number}"
    asked = Message(f"{name}#0", None, Role.USER, f"What is the square of {number}? {'Think. ' * 50}")
    said = Message(f"{name}#1", asked.id, Role.ASSISTANT, f"{number * number}. {'Because. ' * 50}", "bench")
    giver = person(0 if number % 10 == 0 else number % PEOPLE)
    return Conversation(name, (asked, said), "bench", "bench", giver, NOW)


def build(path: Path, answers: int) -> Workspace:
    workspace = Workspace.create(path, CONFIGURATION)
    store, tasks = workspace.store, answers // OVERLAP + 1000
    conversations = max(1, answers // 10)
    for numbers in in_chunks(range(conversations), BATCH):
        workspace.collection.append([conversation(n) for n in numbers], now=NOW, delay=timedelta())
    for numbers in in_chunks(range(tasks), BATCH):
        with store.write() as connection:
            save_tasks(
                connection,
                [
                    Task(
                        id=f"t{n}",
                        kind=KINDS[n % 2],
                        message_ids=(f"c{n % conversations}#1",),
                        conversation_ids=(f"c{n % conversations}",),
                        significance=Significance.LOW,
                        quote={"qualities": 4},
                        rules_version="1",
                        platform="argilla",
                        overlap=OVERLAP,
                        created_at=NOW,
                    )
                    for n in numbers
                ],
            )
    for numbers in in_chunks(range(answers), BATCH):
        rows = [answer(n) for n in numbers]
        with store.write() as connection:
            save_revisions(connection, rows)
            paid = [
                Posting(f"b/{row.annotation_id}", credit(row.person_id, 4), "", "1", row.updated_at)
                for row in rows
            ]
            for_what = zip(rows, post(connection, paid, NOW), strict=True)
            insert_rows(
                connection,
                settlement,
                [
                    (row.person_id, row.task_id, "qualities", number, row.annotation_id, 1, 1.0, 4)
                    for row, number in for_what
                ],
            )
    with store.write() as connection:
        identities = {workspace.pseudonyms.digest("argilla", f"person {n}"): person(n) for n in range(PEOPLE)}
        save_identities(connection, identities, NOW)
        admit(connection, map(person, range(PEOPLE)), "argilla", MemberStatus.INVITED, NOW)
    return workspace


def mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("answers", type=int, nargs="?", default=1_000_000)
    arguments.add_argument(
        "--keep", type=Path, help="build the workspace here, or measure the one that is there"
    )
    given = arguments.parse_args()
    garbage.look_seldom()  # as every command does
    with tempfile.TemporaryDirectory() as folder:
        path = given.keep or Path(folder) / "w"
        begun = time.perf_counter()
        workspace = (
            Workspace.open(path) if (path / "chatfeedback.yaml").exists() else build(path, given.answers)
        )
        print(f"built in {time.perf_counter() - begun:.0f} s, {mebibytes():.0f} MiB", flush=True)
        with workspace:
            live = LiveFigures(workspace, utc_now)
            for what, new in (("whole", 0), ("after nothing", 0), ("after 100 more answers", 100)):
                if new:
                    have = sum(live.read_now().work.by_kind().values())
                    with workspace.store.write() as connection:
                        save_revisions(connection, [answer(have + n) for n in range(new)])
                begun = time.perf_counter()
                figures = live.read_now()
                seconds = time.perf_counter() - begun
                print(
                    f"figures read {what}: {seconds:.3f} s; {sum(figures.work.by_kind().values()):,} answers, "
                    f"{sum(figures.work.open_tasks.values()):,} open tasks; {mebibytes():.0f} MiB",
                    flush=True,
                )
            app = application(workspace)
            with client_of(app, workspace, None) as http:
                first = time.perf_counter()
                http.get("/lead")
                print(f"/lead before there are figures: {1000 * (time.perf_counter() - first):.0f} ms")
                app.state.lead_figures = live
                open_each(http, LEADS_PAGES)
            with client_of(app, workspace, person(0)) as http:
                open_each(http, OWN_PAGES)


@contextmanager
def client_of(app: Starlette, workspace: Workspace, person_id: str | None) -> Iterator[TestClient]:
    """Open a browser in which somebody is signed in (None: the lead)."""
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as http:
        token = steps.make_sign_in_link(workspace, person_id, timedelta(hours=1))
        page = http.get(f"/link/{token}").text
        csrf = page.partition('name="csrf" value="')[2][:64]
        http.post(f"/link/{token}", data={"csrf": csrf})
        yield http


def open_each(http: TestClient, paths: tuple[str, ...]) -> None:
    for path in paths:
        times, processor = [], []
        for _ in range(TIMES):
            begun, used = time.perf_counter(), time.process_time()
            assert http.get(path).status_code == 200, path
            times.append(1000 * (time.perf_counter() - begun))
            processor.append(1000 * (time.process_time() - used))
        print(
            f"{path}: median {median(times):.0f} ms, most {max(times):.0f} ms; processor {median(processor):.0f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
