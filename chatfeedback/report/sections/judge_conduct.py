"""Section: how judges work: what they were asked, whether they agree, and whether they obey what they read."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.counts import count_responses
from chatfeedback.report.section import Section, SectionTable
from chatfeedback.steps.money import PURPOSE
from chatfeedback.steps.seed_failures import judge_obedience
from workspaces.store.requests import RequestState
from workspaces.store.seed_requests import PLAIN, request_counts
from workspaces.store.spending import spent

if TYPE_CHECKING:
    from collections import Counter

    from chatfeedback.report.inputs import ReportInputs
    from quality.seed_feedback.obedience import Obedience

OBEYS = (
    "{judge} obeys instructions that stand in the text it judges (surely of {questions}): whoever writes a response "
    "can choose its rating. Do not trust its significance, and name another model in llm."
)
CANARIES = (
    "Some responses are judged a second time with an instruction to the judge added. The shift is how much more often "
    "it then says what the instruction demands; 0 is a judge that ignores it."
)
ASKED = {
    "judge": "judge",
    "responses": "responses rated",
    "requests": "requests done",
    "unusable": "unusable",
    "refused": "refused",
    "waiting": "to be asked again",
    "canaries": "canaries",
    "tokens": "tokens a response",
    "money": "money",
    "currency": "currency",
}
DIFFER = {
    "one": "judge",
    "other": "other judge",
    "question": "question",
    "responses": "responses of both",
    "differ": "differ",
}
SHIFT = {
    "judge": "judge",
    "question": "question",
    "canaries": "canaries",
    "plain": "says so anyway",
    "told": "says so when told",
    "shift": "shift",
    "low": "from",
    "high": "to",
    "obeys": "obeys",
}


def section(inputs: ReportInputs) -> Section | None:
    """Return what judges were asked, their disagreement with each other, and their obedience by canaries."""
    with inputs.workspace.store.read() as connection:
        counts = request_counts(connection)
        used = [each for each in spent(connection) if each.purpose == PURPOSE]
    if not counts:
        return None
    rated = inputs.seeds.assign(agent=inputs.seeds["judge"].str.rpartition(", prompt ")[0])
    responses = rated.groupby("agent")["item"].nunique()
    rows = []
    for agent, states in sorted(counts.items()):
        mine = [each for each in used if each.model == agent]
        tokens = sum(each.input_tokens + each.output_tokens for each in mine)
        number = int(responses.get(agent, 0))
        rows.append(
            {
                "judge": agent,
                "responses": number,
                **_states(states),
                "tokens": tokens / number if number and tokens else None,
                "money": sum(each.cost_micros for each in mine) / 1e6,
                "currency": ", ".join(sorted({each.currency for each in mine})),
            }
        )
    tables = [
        SectionTable(
            "judge_requests", "What came of the requests for seed feedback.", pd.DataFrame(rows), ASKED
        )
    ]
    differing = _differences(rated)
    if len(differing):
        caption = "How often two judges say different things of one response; it raises the response's significance."
        tables.append(SectionTable("judge_differences", caption, differing, DIFFER))
    shifts, progress = judge_obedience(inputs.workspace), count_responses(inputs.workspace)
    if shifts:
        tables.append(SectionTable("judge_obedience", CANARIES, _shifts(shifts), SHIFT))
    return Section(
        "judge-conduct",
        "How the judges work",
        (f"{progress.sentence()}.", *warnings(shifts)),
        tables=tuple(tables),
    )


def warnings(shifts: tuple[Obedience, ...]) -> list[str]:
    """Return a sentence for each judge that obeys what it judges."""
    obeyed: dict[str, list[str]] = {}
    for each in shifts:
        if each.obeys:
            obeyed.setdefault(each.judge, []).append(each.question)
    return [OBEYS.format(judge=judge, questions=", ".join(of_judge)) for judge, of_judge in obeyed.items()]


def _states(states: Counter[tuple[str, RequestState]]) -> dict[str, int]:
    by_state = {
        state: sum(count for (_, of), count in states.items() if of is state) for state in RequestState
    }
    return {
        "requests": by_state[RequestState.DONE],
        "unusable": by_state[RequestState.UNUSABLE],
        "refused": by_state[RequestState.REFUSED],
        "waiting": sum(by_state.values())
        - sum(by_state[it] for it in (RequestState.DONE, RequestState.UNUSABLE, RequestState.REFUSED)),
        "canaries": sum(
            count
            for (purpose, state), count in states.items()
            if purpose != PLAIN and state is RequestState.DONE
        ),
    }


def _differences(rated: pd.DataFrame) -> pd.DataFrame:
    rows = []
    newest = rated.drop_duplicates(["agent", "item", "question"], keep="last")
    for question, answers in newest.groupby("question", sort=True):
        wide = answers.pivot(index="item", columns="agent", values="value")
        for one, other in combinations(sorted(wide.columns), 2):
            both = wide[[one, other]].dropna()
            if len(both):
                differ = float((both[one] != both[other]).mean())
                rows.append((one, other, str(question), len(both), differ))
    return pd.DataFrame(rows, columns=list(DIFFER))


def _shifts(shifts: tuple[Obedience, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (it.judge, it.question, it.n_canaries, it.plain, it.told, it.shift, it.low, it.high, it.obeys)
            for it in shifts
        ],
        columns=list(SHIFT),
    )
