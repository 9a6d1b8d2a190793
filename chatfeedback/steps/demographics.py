"""Publishes figures by demographic group, only where they disclose no individual, and returns what was published.

A *layer* is a population with snapshots of its own: ``people`` is everybody who filled in the form, and a question is
the layer of the people among them who answered it. With ``demographics.epsilon`` the only layer is ``noisy``. A
*subject* is the keyed hash of a person id under which answers to the form are stored.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from chatfeedback.steps.answers import without_own, without_own_checks
from workspaces.errors import ConfigurationError
from workspaces.privacy.declared_tables import declared
from workspaces.privacy.demographic_form import demographic_questions
from workspaces.records import stable_id
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.own_answers import own_answers
from workspaces.store.rewrites import for_nothing
from workspaces.store.snapshots import published_snapshots, save_snapshot, snapshots_of
from workspaces.store.tasks import all_tasks
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Collection, Mapping

    import pandas as pd

    from quality.demographics import Cell, Member, Roster, Snapshot, View
    from quality.labels import Mirror
    from workspaces.store.snapshots import GroupFigures, PublishedFigures, PublishedSnapshot
    from workspaces.workspace import Workspace

PEOPLE = "people"
NOISY = "noisy"
NOISY_EVERY = timedelta(days=30)
"""The time between two snapshots with noise."""


def publish_demographics(workspace: Workspace) -> list[PublishedSnapshot]:
    """Publish a new snapshot of each layer if it discloses no individual; return the newest snapshot of every layer.

    Raises:
        ConfigurationError: a declared table names an unknown question of the form, or tables form a cycle.
    """
    tables, answered = declared(workspace.config.demographics)
    with workspace.exclusive():
        if tables:
            publisher = _Publisher(workspace)
            if workspace.config.demographics.epsilon is not None:
                publisher.noisy(tables)
            else:
                publisher.people(tables)
                if answered:
                    publisher.questions(answered)
        with workspace.store.read() as connection:
            newest = published_snapshots(connection)
    noisy = workspace.config.demographics.epsilon is not None
    return [snapshot for snapshot in newest if (snapshot.layer == NOISY) == noisy]


class _Publisher:
    """Publishes new snapshots of one workspace; it decrypts people's answers once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._config = workspace.config.demographics
        self._sealed = workspace.demographics
        self._options = {
            name: question.options for name, question in demographic_questions(self._config).items()
        }
        self._attributes = {
            subject: {name: answers.get(name, options[-1]) for name, options in self._options.items()}
            for subject, answers in self._sealed.everyone().items()
        }

    def people(self, tables: list[View]) -> None:
        """Count everybody who filled in the form."""
        from quality.demographics import Member

        roster = {subject: Member(attributes) for subject, attributes in self._attributes.items()}

        def figures(snapshot: Snapshot) -> list[GroupFigures]:
            return self._counts(_count(roster, snapshot.tables), snapshot.published)

        self._next(PEOPLE, tables, roster, set(), figures)

    def questions(self, tables: list[View]) -> None:
        """Break down the answers to each question, only for groups that the layer ``people`` publishes."""
        from quality import votes
        from quality.demographics import Member, breakdown, dominated, members_of, views_of
        from quality.votes import mirrors_of, order_of

        with self._workspace.store.read() as connection:
            annotations, own = latest_annotations(connection), own_answers(connection)
            tasks = all_tasks(connection)
            judged, _ = without_own_checks(annotations, for_nothing(connection, tasks))
            answers, _ = without_own(judged, own, self._workspace.config.quality.own)
            all_votes = votes(answers, tasks)
            counted = snapshots_of(connection, PEOPLE)
        if not counted:
            return
        shown = _cells(counted[-1].published)
        subject_of = {
            str(person_id): self._sealed.subject(str(person_id))
            for person_id in all_votes["annotator"].unique()
        }
        by_subject = all_votes.assign(annotator=all_votes["annotator"].map(subject_of))
        by_subject = by_subject[by_subject["annotator"].isin(list(self._attributes))]
        for question, table in by_subject.groupby("question", sort=True):
            marks = _marks(table)
            roster = {
                subject: Member(self._attributes[subject], mark) for subject, mark in sorted(marks.items())
            }
            groups = members_of(roster, views_of(tables))
            withheld = {cell for cell in groups if cell not in shown}
            withheld |= dominated(table, groups, self._config.dominance)

            def figures(
                snapshot: Snapshot,
                table: pd.DataFrame = table,
                groups: dict[Cell, list[str]] = groups,
                mirror: Mirror | None = mirrors_of(table).get(question),  # noqa: B008
            ) -> list[GroupFigures]:
                published = {cell: groups[cell] for cell in sorted(snapshot.published)}
                described = breakdown(table, published, order_of(table), mirror)
                return [
                    cast("GroupFigures", {"group": dict(cell), **answers})
                    for cell, answers in described.items()
                ]

            self._next(str(question), tables, roster, withheld, figures)

    def noisy(self, tables: list[View]) -> None:
        """Count people with random noise.

        The n-th snapshot spends epsilon / 2^n, so that all snapshots together stay below epsilon. Time alone decides
        when a snapshot is due, so that the schedule discloses nothing about what people do.
        """
        from quality.demographics import noisy_counts

        with self._workspace.store.read() as connection:
            earlier = snapshots_of(connection, NOISY)
        if earlier and utc_now() - earlier[-1].snapshot_at < NOISY_EVERY:
            return
        epsilon = (self._config.epsilon or 0.0) / 2 ** (len(earlier) + 1)
        counts = noisy_counts(list(self._attributes.values()), self._options, tables, epsilon)
        published: PublishedFigures = {
            "groups": self._counts(counts, [cell for cell, n in counts.items() if n >= self._config.k]),
            "tables": tables,
            "epsilon": epsilon,
        }
        self._save(NOISY, len(earlier) + 1, published, {})

    def _next(
        self,
        layer: str,
        tables: list[View],
        roster: Roster,
        withheld: Collection[Cell],
        figures: Callable[[Snapshot], list[GroupFigures]],
    ) -> None:
        from quality.demographics import Snapshot, next_snapshot

        with self._workspace.store.read() as connection:
            rows = snapshots_of(connection, layer)
        earlier = [
            Snapshot(
                self._roster(row.roster),
                tuple(tuple(table) for table in row.published["tables"]),
                _cells(row.published),
            )
            for row in rows
        ]
        options = self._options | _earlier_options(earlier, self._options)
        try:
            snapshot = next_snapshot(options, tables, earlier, roster, self._config.k, withheld)
        except ValueError as error:
            raise ConfigurationError(f"demographics.tables: {error}") from None
        if snapshot is not None:
            published: PublishedFigures = {"groups": figures(snapshot), "tables": tables}
            self._save(layer, len(rows) + 1, published, roster)

    def _counts(self, counts: Mapping[Cell, int], cells: Collection[Cell]) -> list[GroupFigures]:
        base = self._config.rounding
        return [
            {"group": dict(cell), "people": int(counts[cell] / base + 0.5) * base} for cell in sorted(cells)
        ]

    def _save(self, layer: str, number: int, published: PublishedFigures, roster: Roster) -> None:
        sealed = self._sealed.seal(
            {subject: [dict(member.attributes), member.mark] for subject, member in sorted(roster.items())}
        )
        with self._workspace.store.write() as connection:
            save_snapshot(connection, layer, number, published, sealed, utc_now())

    def _roster(self, sealed: str) -> dict[str, Member]:
        from quality.demographics import Member

        opened: Any = self._sealed.unseal(sealed)
        return {subject: Member(attributes, mark) for subject, (attributes, mark) in opened.items()}


def _count(roster: Roster, tables: Collection[View]) -> Counter[Cell]:
    from quality.demographics import count, views_of

    return count((member.attributes for member in roster.values()), views_of(tables))


def _cells(published: PublishedFigures) -> frozenset[Cell]:
    return frozenset(tuple(sorted(row["group"].items())) for row in published["groups"])


def _marks(table: pd.DataFrame) -> dict[str, str]:
    """Return a hash of each person's answers; it changes with any of them."""
    answers_of: dict[str, list[str]] = {}
    for subject, item, value in table[["annotator", "item", "value"]].itertuples(index=False):
        answers_of.setdefault(str(subject), []).append(f"{item}={value}")
    return {subject: stable_id(*sorted(answers)) for subject, answers in answers_of.items()}


def _earlier_options(
    earlier: Collection[Snapshot], options: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return the values of each variable, with those that only earlier snapshots have in front."""
    united = {name: list(values) for name, values in options.items()}
    for snapshot in earlier:
        for member in snapshot.roster.values():
            for name, value in member.attributes.items():
                if value not in united.setdefault(name, []):
                    united[name].insert(0, value)
    return {name: tuple(values) for name, values in united.items()}
