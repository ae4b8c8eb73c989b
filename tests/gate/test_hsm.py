"""A gate with a real HSM beside it: PINs, MACs, card codes; and what happens when it goes away."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio

from hsm_sim import hsm as simulated
from hsm_sim.framing import framed
from hsm_sim.lmk import KeyBlockLmk, VariantLmk
from hsm_sim.server import HsmServer, listen
from switch.events import DerivationKeySet
from switch.hsm_client import HsmAddress
from switch.hsm_pool import Hsm, HsmPool
from switch.iso8583 import Message, decode, encode
from switch.rules import Security
from tests.support.gate_bench import GENEROUS, Bench, Link, Seat, serving
from tests.support.hsm import published_hsm, served_hsm
from tests.support.secrets import Vault, present_chip
from tests.support.secure_shop import CARD, MacAlgorithm, SecureShop
from tests.support.shard_bench import meeting_place, wait_joined
from tests.support.shop import spec

ALL = Security(pin="if_sent", card_code=True, chip=True, fallback=True)
OF_A_CHIP = (2, 14, 22, 23, 35, 55)  # elements


class Site:
    """A switch, its HSM, and the keys that both sides have."""

    def __init__(
        self,
        bench: Bench,
        vault: Vault,
        shop: SecureShop,
        server: HsmServer,
        address: HsmAddress,
        nursery: trio.Nursery,
    ) -> None:
        self.bench = bench
        self.vault = vault
        self.shop = shop
        self.server = server
        self.address = address
        self.nursery = nursery

    async def restart_hsm(self) -> None:
        """Stop the HSM, and start another one in its place."""
        address = self.address
        self.server.stop()
        await alone(self.bench)
        self.server = HsmServer(self.server.hsm)
        await self.nursery.start(self.server.serve, await listen(address.host, address.port))
        await connected(self.bench)

    def purchase(self, **elements: str | None) -> Message:
        extra: dict[int | str, str | None] = {int(k[2:]): v for k, v in elements.items()}
        return self.shop.message(card=CARD, amount_minor=10_000, extra=extra)

    def sealed(self, link: Link, message: Message, algorithm: str = "retail") -> bytes:
        """Give a message's bytes with its MAC."""
        return with_mac(self.vault, link, message, algorithm)


async def connected(bench: Bench) -> None:
    """Wait until the switch has its HSMs."""
    await bench.wait_until(lambda: all(bench.pool.connected().values()))


async def alone(bench: Bench) -> None:
    """Wait until the switch has lost its HSMs."""
    await bench.wait_until(lambda: not any(bench.pool.connected().values()))


def told_keys(answer: Message) -> tuple[str, str, str]:
    """Give the keys that a key exchange's reply tells."""
    return answer["48.KP"], answer["48.KM"], answer["48.KD"]


def with_mac(vault: Vault, link: Link, message: Message, algorithm: str = "retail") -> bytes:
    """Give a message's bytes with its MAC: over all that is before it."""
    element = 128 if 70 in message or 90 in message else 64
    message[element] = "0" * 16
    before = encode(message, link.spec)[:-8]  # binary in both dialects
    return before + vault.mac(before, algorithm)


@asynccontextmanager
async def site(
    security: Security = ALL,
    *,
    mac: MacAlgorithm = "",
    blocks: bool = False,
) -> AsyncIterator[Site]:
    """Serve terminals, with HSMs that hold one LMK."""
    lmk = KeyBlockLmk.published_test_key() if blocks else VariantLmk.published_test_set()
    vault = Vault(lmk)
    hsm = simulated.Hsm({0: lmk}, published_hsm().commands)
    shop = SecureShop(
        security, mac=mac, secrets=vault.secrets, limits=GENEROUS, now_s=int(time.time())
    )
    shop.load(90_000_000, card=CARD)
    async with (
        served_hsm(hsm) as (server, address),
        serving(shop=shop, hsms=[address]) as bench,
        trio.open_nursery() as nursery,
    ):
        await connected(bench)
        here = Site(bench, vault, shop, server, address, nursery)
        yield here
        here.server.stop()


@pytest.mark.parametrize("blocks", [False, True], ids=["variant", "key blocks"])
@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_a_pin_is_verified(dialect: str, blocks: bool) -> None:
    async with site(blocks=blocks) as here:
        link = await here.bench.connect(dialect)

        right = await link.ask(here.purchase(de52=here.vault.block()))
        wrong = await link.ask(here.purchase(de52=here.vault.block("4321")))
        other = await link.ask(here.purchase(de52="0123456789ABCDEF"))

    assert (right[39], wrong[39], wrong["48.RC"]) == ("00", "55", "pin_wrong")
    assert (other[39], other["48.RC"]) == ("96", "pin_unreadable")


async def test_three_wrong_pins_lock_the_card_however_many_come_at_once() -> None:
    async with site() as here:
        link = await here.bench.connect()
        wrong = here.vault.block("9999")

        await link.send(*(here.purchase(de52=wrong) for _ in range(100)))
        replies = [await link.reply() for _ in range(100)]
        after = await link.ask(here.purchase(de52=here.vault.block()))

    reasons = [reply["48.RC"] for reply in replies]
    assert reasons.count("pin_wrong") == 3
    assert reasons.count("pin_tries_exceeded") == 97
    assert after[39] == "75"


async def test_a_pin_under_a_derived_key_is_verified_once() -> None:
    async with site() as here:
        here.shop.record(DerivationKeySet(acquirer=1, key=here.vault.secrets.derivation))
        link = await here.bench.connect()
        serial = "FFFF9876543210E00001"

        def message(pin: str | None = None, counter: int = 1) -> Message:
            name = f"FFFF9876543210E{counter:05X}"
            return here.purchase(de52=here.vault.derived_block(name, pin), de48=f"KS020{name}")

        first = await link.ask(message())
        replayed = await link.ask(
            here.purchase(de52=here.vault.derived_block(serial), de48=f"KS020{serial}")
        )
        wrong = await link.ask(message("4321", 2))

    assert first[39] == "00"
    assert replayed["48.RC"] == "key_serial_repeated"
    assert wrong["48.RC"] == "pin_wrong"


async def test_the_code_on_a_stripe_is_verified() -> None:
    async with site() as here:
        link = await here.bench.connect()

        right = await link.ask(here.purchase(de2=None, de22="901", de35=here.vault.track2()))
        forged = await link.ask(
            here.purchase(de2=None, de22="901", de35=here.vault.track2(code="000"))
        )

    assert right[39] == "00"
    assert (forged[39], forged["48.RC"]) == ("63", "card_code_wrong")


@pytest.mark.parametrize("blocks", [False, True], ids=["variant", "key blocks"])
@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_a_chip_is_verified_and_answered(dialect: str, blocks: bool) -> None:
    async with site(blocks=blocks) as here:
        link = await here.bench.connect(dialect)
        data, answer = here.vault.chip_data(7, 10_000)
        forged = here.vault.chip_data(8, 20_000)[0].replace("000000020000", "000000010000")

        paid = await link.ask(here.purchase(de22="051", de55=data))
        replayed = await link.ask(here.purchase(de22="051", de55=data))
        altered = await link.ask(here.purchase(de22="051", de55=forged))
        dear = here.vault.chip_data(9, 900_000_000)[0]
        declined = await link.ask(here.purchase(de22="071", de55=dear, de4="000900000000"))

    assert (paid[39], paid["55.91"]) == ("00", answer)
    assert replayed["48.RC"] == "cryptogram_repeated"
    assert (altered[39], altered["48.RC"]) == ("63", "cryptogram_wrong")
    assert declined[39] != "00"
    assert "55.91" not in declined


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_the_cryptogram_of_a_chip_is_verified_once(dialect: str, tmp_path: Path) -> None:
    async with site() as here:
        link = await here.bench.connect(dialect)
        file = here.vault.chip_card(tmp_path / "card.json")
        paid, altered = here.purchase(de2=None), here.purchase(de2=None)
        await present_chip(paid, file, amount_minor=10_000)
        await present_chip(altered, file, amount_minor=10_001)
        altered[55] = altered[55].replace("000000010001", "000000010000")

        right = await link.ask(paid)
        replayed = await link.ask(here.purchase(**{f"de{key}": paid[key] for key in OF_A_CHIP}))
        wrong = await link.ask(altered)

    assert right[39] == "00"
    assert replayed["48.RC"] == "cryptogram_repeated"
    assert wrong["48.RC"] == "cryptogram_wrong"


@pytest.mark.parametrize("algorithm", ["retail", "cmac"])
@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_messages_and_replies_carry_macs(dialect: str, algorithm: MacAlgorithm) -> None:
    async with site(mac=algorithm) as here:
        link = await here.bench.connect(dialect)

        await link.send(here.sealed(link, here.purchase(de52=here.vault.block()), algorithm))
        reply = await link.reply_bytes()
        original = here.sealed(link, here.purchase(), algorithm)
        altered = encode(here.purchase(de4="000000010001", de64="0" * 16), link.spec)
        await link.send(altered[:-8] + original[-8:])
        refused = await link.reply()

    assert reply[-8:] == here.vault.mac(reply[:-8], algorithm)
    assert (refused[39], refused["48.RC"]) == ("63", "mac_wrong")


async def test_a_message_of_a_network_carries_its_mac_at_its_end() -> None:
    async with site(mac="retail") as here:
        link = await here.bench.connect()
        echo = here.shop.message(
            "0800", amount_minor=None, card=None, extra={3: None, 42: None, 70: "301"}
        )

        await link.send(here.sealed(link, echo))
        reply = await link.reply_bytes()
        bare = await link.ask(here.shop.message(
            "0800", amount_minor=None, card=None, extra={3: None, 42: None, 70: "301"}
        ))  # fmt: skip

    assert reply[-8:] == here.vault.mac(reply[:-8])
    assert bare["48.RC"] == "mac_missing"


async def test_a_repeat_gets_the_same_reply_with_a_mac_of_its_own() -> None:
    async with site(mac="retail") as here:
        link = await here.bench.connect()
        frame = here.sealed(link, here.purchase())

        await link.send(frame)
        first = await link.reply_bytes()
        await link.send(frame)
        again = await link.reply_bytes()

    assert again == first


async def test_an_hsm_that_goes_away_stops_what_needs_it_and_nothing_else() -> None:
    async with site() as here:
        link = await here.bench.connect()
        assert (await link.ask(here.purchase(de52=here.vault.block())))[39] == "00"
        rows = here.shop.core.last_seq

        here.server.stop()
        await alone(here.bench)
        secret = await link.ask(here.purchase(de52=here.vault.block()))
        open_to_all = await link.ask(here.purchase())

    assert (secret[39], secret["48.RC"]) == ("91", "hsm_unavailable")
    assert open_to_all[39] == "00"
    assert here.shop.core.last_seq == rows + 1


async def pretend(answer: bytes, task_status: trio.TaskStatus[HsmAddress]) -> None:
    """Be an HSM that says who it is, and then answers everything alike, or nothing."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def serve(stream: trio.SocketStream) -> None:
        async for data in stream:
            if data[6:8] == b"NC":
                await stream.send_all(framed(bytes(data[2:6]), b"ND00" + b"0" * 16 + b"0000-0000"))
            elif answer:
                await stream.send_all(answer)

    port = listeners[0].socket.getsockname()[1]
    task_status.started(HsmAddress(host="127.0.0.1", port=port))
    await trio.serve_listeners(serve, listeners)


@pytest.mark.slow
async def test_what_an_hsm_does_not_answer_another_one_is_asked() -> None:
    async with trio.open_nursery() as nursery, site() as first:
        silent = await nursery.start(pretend, b"")
        pool = HsmPool([Hsm(address=silent)], first.bench.gate)
        nursery.start_soon(pool.run)
        await first.bench.wait_until(lambda: all(pool.connected().values()))
        link = await first.bench.connect()
        right = first.vault.block()

        await link.send(*(first.purchase(de52=right) for _ in range(200)))
        replies = [await link.reply() for _ in range(200)]
        lost = first.bench.gate.statistics()["hsm_lost"]
        nursery.cancel_scope.cancel()

    assert [reply[39] for reply in replies] == ["00"] * 200
    assert lost >= 1


@pytest.mark.parametrize(
    "answer",
    [
        framed(b"FFFF", b"DD00"),  # to a command that was never sent
        framed(b"9ZZZ", b"DD00"),
        framed(b"0000", b""),
        b"\xff\xff" + b"A" * 100,
        b"HTTP/1.1 400 Bad Request\r\n\r\n" * 50,
    ],
    ids=["unknown", "no number", "short", "too long", "another protocol"],
)
async def test_who_answers_what_was_not_asked_is_no_hsm(answer: bytes) -> None:
    async with trio.open_nursery() as nursery, site() as here:
        here.server.stop()
        await alone(here.bench)
        pool = HsmPool([Hsm(address=await nursery.start(pretend, answer))], here.bench.gate)
        nursery.start_soon(pool.run)
        await here.bench.wait_until(lambda: all(pool.connected().values()))
        link = await here.bench.connect()

        reply = await link.ask(here.purchase(de52=here.vault.block()))
        nursery.cancel_scope.cancel()

    assert (reply[39], reply["48.RC"]) == ("91", "hsm_unavailable")


@pytest.mark.slow
async def test_an_hsm_that_comes_back_is_asked_again() -> None:
    async with site() as here:
        link = await here.bench.connect()
        await here.restart_hsm()

        reply = await link.ask(here.purchase(de52=here.vault.block()))

    assert reply[39] == "00"


@pytest.mark.parametrize("blocks", [False, True], ids=["variant", "key blocks"])
async def test_new_session_keys_are_made_and_the_old_ones_hold_for_a_while(blocks: bool) -> None:
    async with site(mac="retail", blocks=blocks) as here:
        link = await here.bench.connect()
        exchange = here.shop.message(
            "0800", amount_minor=None, card=None, extra={3: None, 42: None, 70: "161"}
        )

        await link.send(here.sealed(link, exchange))
        told = await link.reply_bytes()
        answer = decode(told, link.spec)
        assert told[-8:] == here.vault.mac(told[:-8])  # the terminal has no other key yet
        await link.send(here.sealed(link, here.purchase(de52=here.vault.block())))
        with_old = await link.reply()
        here.vault.take_session_keys(*told_keys(answer))
        await link.send(here.sealed(link, here.purchase(de52=here.vault.block())))
        reply = await link.reply_bytes()

    assert (answer[39], with_old[39]) == ("00", "00")
    assert reply[-8:] == here.vault.mac(reply[:-8])
    assert decode(reply, link.spec)[39] == "00"


async def test_a_terminal_that_missed_its_new_keys_asks_anew_and_is_not_locked_out() -> None:
    """It goes on with the keys that it has, however often the answer is lost."""
    async with site(mac="retail") as here:
        link = await here.bench.connect()
        answers = []
        for _ in range(3):
            exchange = here.shop.message(
                "0800", amount_minor=None, card=None, extra={3: None, 42: None, 70: "161"}
            )
            await link.send(here.sealed(link, exchange))
            answers.append(await link.reply())
        await link.send(here.sealed(link, here.purchase(de52=here.vault.block())))
        with_old = await link.reply()
        here.vault.take_session_keys(*told_keys(answers[-1]))
        await link.send(here.sealed(link, here.purchase(de52=here.vault.block())))
        with_new = await link.reply()
        here.vault.take_session_keys(*told_keys(answers[0]))
        await link.send(here.sealed(link, here.purchase()))
        with_lost = await link.reply()
        old, newest = here.shop.directory.terminal_keys[0]

    assert [answer[39] for answer in answers] == ["00"] * 3
    assert (with_old[39], with_new[39]) == ("00", "00")
    assert with_lost["48.RC"] == "mac_wrong"
    assert old.mac == here.vault.secrets.terminal_mac
    assert newest.told_mac == answers[-1]["48.KM"]


async def test_nothing_of_a_pin_is_left_in_the_log() -> None:
    async with site() as here:
        link = await here.bench.connect()
        block = here.vault.block()
        await link.ask(here.purchase(de52=block))
        await trio.sleep(0.1)
        here.bench.keep_log()

    assert block.encode() not in here.bench.log
    assert CARD.encode() not in here.bench.log


async def test_shards_prove_what_others_forward_to_them() -> None:
    lmk = VariantLmk.published_test_set()
    vault = Vault(lmk)
    now_s = int(time.time())
    shops = [
        SecureShop(
            ALL, mac="retail", secrets=vault.secrets, limits=GENEROUS, now_s=now_s, shard=number
        )
        for number in range(2)
    ]
    async with served_hsm(simulated.Hsm({0: lmk}, published_hsm().commands)) as (server, address):
        with meeting_place() as directory:
            async with AsyncExitStack() as stack:
                benches = [
                    await stack.enter_async_context(
                        serving(
                            shop=shop,
                            hsms=[address],
                            seat=Seat(number=number, count=2, directory=directory),
                        )
                    )
                    for number, shop in enumerate(shops)
                ]
                await wait_joined(benches)
                for bench in benches:
                    await connected(bench)
                lines = [await bench.connect() for bench in benches]
                replies = []
                for number, line in enumerate(lines):
                    purchase = shops[0].message(
                        card=CARD, amount_minor=1_000, stan=700 + number, extra={52: vault.block()}
                    )
                    sign_on = shops[0].message(
                        "0800", amount_minor=None, card=None, stan=800 + number,
                        extra={3: None, 42: None, 70: "001"},
                    )  # fmt: skip
                    for message in (purchase, sign_on):
                        await line.send(with_mac(vault, line, message))
                        replies.append(await line.reply_bytes())
                server.stop()
                for bench in benches:
                    await alone(bench)
                away = shops[0].message(card=CARD, stan=900, extra={52: vault.block()})
                refused = []
                for line in lines:
                    await line.send(with_mac(vault, line, away))
                    refused.append(await line.reply())

    assert [decode(reply, spec("binary"))[39] for reply in replies] == ["00"] * 4
    assert all(reply[-8:] == vault.mac(reply[:-8]) for reply in replies)
    assert [reply["48.RC"] for reply in refused] == ["hsm_unavailable"] * 2
