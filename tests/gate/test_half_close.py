"""A peer that has said all it had to say, and waits for the answers."""

import trio

from tests.support.gate_bench import serving


async def test_a_peer_that_closes_its_sending_side_gets_its_replies_and_then_the_end() -> None:
    async with serving(delay_seconds=0.05) as bench:
        link = await bench.connect()
        messages = [bench.shop.message("0200", "210000", stan=stan) for stan in (1, 2, 3)]

        await link.send(*messages)
        await link.stream.send_eof()
        replies = [await link.reply() for _ in messages]
        rest = await link.wait_end()
        await bench.wait_until(lambda: bench.gate.statistics()["open"] == 0)

    assert [reply[39] for reply in replies] == ["00", "00", "00"]
    assert rest == b""


async def test_a_peer_that_closes_without_a_word_is_closed_at_once() -> None:
    async with serving() as bench:
        link = await bench.connect()

        await link.stream.send_eof()
        with trio.fail_after(2):
            rest = await link.wait_end()

    assert rest == b""
