"""What do people who farm points keep? 200 people, 20 of whom farm, over the real rules, screening and settlement.

Run: python -m bench.farming [worlds, 3 by default] [--vesting]

Each world is a workspace of its own (SQLite). Every day people answer tasks (six tags, or a choice between two), then
``settle``, ``report``'s evaluation and screening run as they do for a lead, with the settings as they come. The lead of
this bench reads no evidence: every flag is accepted with its points taken back. That is the worst that screening can
do to honest people. Four people farm by each strategy:

- random: clicks anywhere, evenly or by the shares of the answers;
- always: gives one answer throughout;
- copy: two pairs; of each one copies the other on half of their tasks. One is copied who reads, one who guesses;
- second: two people with two accounts each, who read a task once and answer it twice;
- seed: asks a model of the kind that gives the seed feedback, and says what it says.

Honest people differ in accuracy and lean their own way; some responses are hard for everybody. 30 of them are
newcomers of the last days, with 2 to 8 tasks in all.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import sqlalchemy as sa

from bench.farmed_world import OVERLAP, START, STRATEGIES, USUAL, Size, World, crowd, make_tasks, revisions
from chatfeedback.steps import settle_answers
from chatfeedback.steps.evaluation import evaluate
from chatfeedback.steps.members import bar_person
from quality.aggregation.bradley_terry import bradley_terry
from reward_engine import verify
from reward_engine.ledger import earnings
from workspaces.records import Quality, SeedFeedback, Tag, Task
from workspaces.store.annotations import save_revisions
from workspaces.store.confidences import latest_confidence
from workspaces.store.flags import FlagStatus, flags, review_flag
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.settlements import settlement
from workspaces.store.tasks import save_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass
class Outcome:
    """What one world came to: points by person before and after review, when each was flagged, who lost what."""

    before: dict[str, int]
    after: dict[str, int]
    flagged: dict[str, tuple[int, int, str]]
    unpaid: dict[str, int]
    world: World
    lowered: set[str]
    paid: float
    seconds: float


def run(workspace: Workspace, number: int, size: Size = USUAL) -> Outcome:
    """Run one world from the first day to the last review."""
    started = time.perf_counter()
    rng = np.random.default_rng(number)
    world = World(rng, crowd(rng, size))
    flagged: dict[str, tuple[int, int, str]] = {}
    answers: Counter[str] = Counter()
    before: dict[str, int] = {}
    for day in range(size.days):
        there = sum(person.a_day for person in world.people if person.first_day <= day)
        tasks = make_tasks(world, day, round(1.05 * there / OVERLAP), workspace.config.rates)
        done = revisions(world, day)
        answers.update(revision.person_id for revision in done)
        with workspace.store.write() as connection:
            save_tasks(connection, tasks)
            save_seeds(connection, _seeds(world, tasks))
            save_revisions(connection, done)
        settle_answers(workspace)
        evaluate(workspace)
        with workspace.store.write() as connection:
            for flag in flags(connection, FlagStatus.OPEN):
                review_flag(connection, flag.flag_id, FlagStatus.ACCEPTED, "lead", START)
                bar_person(workspace, connection, flag.person_id, "lead")
                flagged.setdefault(flag.person_id, (day + 1, answers[flag.person_id], flag.reason))
        if day == size.days - 1:
            with workspace.store.read() as connection:
                before = earnings(connection)
    settle_answers(workspace)
    with workspace.store.read() as connection:
        after, checked = earnings(connection), verify(connection)
        lowered = {who for who, row in latest_confidence(connection).items() if row.multiplier < 1}
        ever = paid_out(connection)
    assert checked.is_whole, checked.problems
    offered: Counter[str] = Counter()
    for person_id, name in world.said:
        offered[person_id] += sum(
            points for part, points in world.tasks[name].quote.items() if part != "suggestion"
        )
    unpaid = {who: points - after.get(who, 0) for who, points in offered.items()}
    farming = {person.name for person in world.people if person.kind in STRATEGIES}
    share = sum(points for who, points in ever.items() if who in farming) / sum(ever.values())
    return Outcome(before, after, flagged, unpaid, world, lowered, share, time.perf_counter() - started)


def paid_out(connection: sa.Connection) -> dict[str, int]:
    """Return the points ever credited to each person for answers, whatever was taken back later."""
    query = sa.select(settlement.c.person_id, sa.func.sum(settlement.c.delta)).where(settlement.c.delta > 0)
    rows = connection.execute(query.group_by(settlement.c.person_id))
    return {person_id: int(points) for person_id, points in rows}


def _seeds(world: World, tasks: Sequence[Task]) -> list[SeedFeedback]:
    return [
        SeedFeedback(
            task.message_ids[0],
            "judge",
            "1",
            {Quality(name): Tag(value) for name, value in world.seed[task.id].items()},
            task.significance,
            task.created_at,
        )
        for task in tasks
        if task.kind == "qualitative"
    ]


def model_places(world: World, people: set[str]) -> list[str]:
    """Return the models in the order of the votes of some people."""
    rows = []
    for (person, name), said in world.said.items():
        if person in people and "preference" in said:
            first, second = (message.partition("#")[2] for message in world.tasks[name].message_ids)
            value = {"a": "first", "b": "second", "tie": "tie"}[said["preference"]]
            rows.append((first, second, value, name, person))
    table = pd.DataFrame(rows, columns=["first", "second", "value", "item", "annotator"])
    return [str(model) for model in bradley_terry(table).scores.index]


def moved(before: Sequence[str], after: Sequence[str]) -> tuple[float, int]:
    """Return the mean and the largest number of places that those on both boards moved by, among themselves."""
    common = set(before) & set(after)
    old, new = ([name for name in board if name in common] for board in (before, after))
    moves = [abs(place - new.index(name)) for place, name in enumerate(old)]
    return float(np.mean(moves)), max(moves)


def overtaken(points: Mapping[str, int], farmers: set[str]) -> float:
    """Return the mean number of farmers who stand before an honest person on the board."""
    honest = [points[who] for who in points if who not in farmers]
    theirs = np.array([points.get(who, 0) for who in farmers])
    return float(np.mean([(theirs > own).sum() for own in honest]))


def main(worlds: int, configuration: str | None) -> None:
    """Print what each strategy keeps, when it was flagged, and what honest people lost."""
    outcomes = []
    for number in range(worlds):
        with (
            tempfile.TemporaryDirectory() as folder,
            Workspace.create(Path(folder) / "w", configuration) as workspace,
        ):
            outcomes.append(run(workspace, number))
            _print_world(number, outcomes[-1])
    print(
        "strategy | people, flagged | day of the flag, median and last | tasks done then | share of points kept"
    )
    for kind in (*STRATEGIES, "honest", "newcomer"):
        _print_kind(kind, outcomes)


def _print_world(number: int, one: Outcome) -> None:
    farmers = {person.name for person in one.world.people if person.kind in STRATEGIES}
    honest = {person.name for person in one.world.people} - farmers
    kept = [
        sum(points.get(who, 0) for who in farmers) / sum(points.values())
        for points in (one.before, one.after)
    ]
    standing = {who for who in farmers if one.after.get(who, 0) > 0} | honest
    places = [model_places(one.world, people) for people in (honest, honest | farmers, standing)]
    print(
        f"world {number}: {len(one.world.said):,} answers, {sum(one.after.values()):,} points in {one.seconds:.0f} s\n"
        f"  farmers were paid {one.paid:.2%} of what was ever paid out, hold {kept[0]:.2%} before the last review and "
        f"keep {kept[1]:.2%}\n"
        f"  farmers before an honest person on the board: {overtaken(one.before, farmers):.2f}, then "
        f"{overtaken(one.after, farmers):.2f}\n"
        f"  models move {moved(places[0], places[1])[0]:.2f} places by farmers' votes, "
        f"{moved(places[0], places[2])[0]:.2f} after review",
        flush=True,
    )


def _print_kind(kind: str, outcomes: Sequence[Outcome]) -> None:
    theirs = [(one, person.name) for one in outcomes for person in one.world.people if person.kind == kind]
    found = [one.flagged[who] for one, who in theirs if who in one.flagged]
    kept = sum(one.after.get(who, 0) for one, who in theirs) / sum(
        sum(one.after.values()) for one in outcomes
    )
    days = f"{np.median([row[0] for row in found]):.0f} {max(row[0] for row in found)}" if found else "-"
    tasks = f"{np.median([row[1] for row in found]):.0f}" if found else "-"
    unpaid = sum(one.unpaid.get(who, 0) > 0 for one, who in theirs)
    lowered = sum(who in one.lowered for one, who in theirs)
    print(
        f"{kind:9} {len(theirs):5} {len(found):5} | {days:6} | {tasks:4} | {kept:7.2%} | less than offered: {unpaid}, "
        f"multiplier below 1: {lowered} | {dict(Counter(row[2] for row in found))}"
    )


VESTING = """\
version: 1
platforms: {argilla: {}}
rates: {vesting: on_agreement}
"""

if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    main(numbers[0] if numbers else 3, VESTING if "--vesting" in sys.argv else None)
