"""Rounds of four processes that write to one ledger until they are killed: ``ledger_writers.py URL ROUNDS SEED``.

Each process goes through the same endless list of operations (three corrections in one transaction, a hold, its
capture) and says on a pipe what was committed. It is killed with SIGKILL at a random moment; in the next round
another goes on with the first operation that nobody heard of, which may have been committed all the same. After
every round the store has to hold a beginning of each list that is as long as what was heard, or one longer.

A process of its own, because it forks: that takes a millisecond, where starting Python takes a second.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
import traceback
from datetime import UTC, datetime, timedelta

from reward_engine import Purchase, Tip, adjust, capture, reserve, verify
from reward_engine.ledger import balances, take_turn, tip
from workspaces.records import ChatMode
from workspaces.store import Store

WRITERS = 4
MOST_COMMITS = 12
LONGEST_WAIT_SECONDS = 0.02
NOW = datetime(2026, 5, 1, tzinfo=UTC)
EXPIRES = NOW + timedelta(days=1)
POINTS, PRICE, SPENT = 5, 6, 4
PURCHASE = Purchase("model-x", ChatMode.DIRECT, PRICE, "1")


def operate(store: Store, writer: int, number: int) -> None:
    """Do operation ``number`` of a writer's list in one transaction; doing it again changes nothing."""
    person = f"p{writer}"
    with store.write() as connection:
        if number % 3 == 0:
            for part in range(3):
                reason = f"{number}, {part}"
                adjust(connection, person, POINTS, reason=reason, author="Grace", rules_version="1", now=NOW)
        elif number % 3 == 1:
            hold_id = f"{writer}/{number}"
            reserve(connection, person, PURCHASE, hold_id=hold_id, now=NOW, expires_at=EXPIRES)
        else:
            capture(connection, f"{writer}/{number - 1}", SPENT, now=NOW)


def expected(writer: int, done: int) -> dict[str, int]:
    """Return what a writer's accounts hold after so many operations."""
    credits_, holds, captures = (done + 2) // 3, (done + 1) // 3, done // 3
    return {
        f"person:p{writer}": 3 * POINTS * credits_ - PRICE * holds + (PRICE - SPENT) * captures,
        f"held:p{writer}": PRICE * (holds - captures),
    }


def write_until_killed(store: Store, writer: int, number: int, pipe: int) -> None:
    while True:
        operate(store, writer, number)
        os.write(pipe, f"{writer} {number}\n".encode())
        number += 1


def one_round(store: Store, heard: list[int], chance: random.Random) -> None:
    """Start the writers, kill them, and add what they said to ``heard``."""
    reading, writing = os.pipe()
    children = []
    for writer in range(WRITERS):
        child = os.fork()
        if child == 0:
            try:
                write_until_killed(store, writer, heard[writer], writing)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        children.append(child)
    os.close(writing)
    said = b""
    wanted = chance.randint(1, MOST_COMMITS)  # counted in commits, not in time: machines differ in speed
    while said.count(b"\n") < wanted:
        if not select.select([reading], [], [], 60)[0]:
            raise TimeoutError("nobody wrote anything in a minute")
        said += os.read(reading, 1 << 16)
    time.sleep(chance.uniform(0, LONGEST_WAIT_SECONDS))
    for child in children:
        os.kill(child, signal.SIGKILL)
    while chunk := os.read(reading, 1 << 16):
        said += chunk
    os.close(reading)
    for child in children:
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            raise ChildProcessError("a writer ended before it was killed")
    for line in said.decode().splitlines():
        writer, number = map(int, line.split())
        if number != heard[writer]:
            raise AssertionError(f"writer {writer} said {number} after {heard[writer]}")
        heard[writer] += 1


def check(store: Store, heard: list[int], known: list[Tip]) -> int:
    """Return how many operations were kept that nobody heard of; ``known`` holds the tip of the last check."""
    with store.write() as connection:
        take_turn(connection)  # a connection of a killed process may still be busy with its last words
        found = verify(connection, [("the last check", tip_) for tip_ in known])
        if found.problems:
            raise AssertionError(found.problems[:5])
        known[:] = [tip(connection)]
        kept = balances(connection)
    more = 0
    for writer, count in enumerate(heard):
        mine = {account: kept.get(account, 0) for account in expected(writer, 0)}
        done = [number for number in (count, count + 1) if expected(writer, number) == mine]
        if not done:
            raise AssertionError(f"writer {writer}: {count} acknowledged, but the store holds {mine}")
        more += done[0] - count
    return more


def main(url: str, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    store = Store(url)
    heard = [0] * WRITERS
    known: list[Tip] = []
    unheard = 0
    for writer in range(WRITERS):  # what is compiled here need not be in every child
        for number in range(3):
            operate(store, writer, number)
            heard[writer] += 1
    warm = sum(heard)
    for _ in range(rounds):
        store.close()  # a connection must not be shared by two processes
        one_round(store, heard, chance)
        unheard += check(store, heard, known)
    print(json.dumps({"rounds": rounds, "acknowledged": sum(heard) - warm, "kept_unheard": unheard}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
