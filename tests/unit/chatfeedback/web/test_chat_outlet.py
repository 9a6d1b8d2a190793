"""Clients that read nothing: nobody who answers them is stopped."""

from __future__ import annotations

import asyncio

import pytest

from chatfeedback.web.chat_outlet import Outlet


@pytest.mark.parametrize("senders", [1, 2, 5])
def test_a_client_that_reads_nothing_is_given_up_and_every_task_goes_on(senders: int) -> None:
    async def stalled(_: object) -> None:
        await asyncio.sleep(1_000)

    async def run() -> list[str]:
        with Outlet(stalled, 0.1) as outlet:

            async def answer(number: int) -> str:
                await asyncio.sleep(number * 0.03)
                async with asyncio.timeout(20):
                    for _ in range(3):
                        await outlet.out({"type": "http.response.body"})
                        await asyncio.sleep(0.01)
                return "paid"

            answers = await asyncio.gather(*map(answer, range(senders)))
            assert outlet.gone
        return list(answers)

    assert asyncio.run(run()) == ["paid"] * senders


def test_a_task_that_is_cancelled_from_elsewhere_ends() -> None:
    async def stalled(_: object) -> None:
        await asyncio.sleep(1_000)

    async def run() -> None:
        with Outlet(stalled, 30) as outlet:
            async with asyncio.timeout(0.05):
                await outlet.out({"type": "http.response.body"})

    with pytest.raises(TimeoutError):
        asyncio.run(run())
