"""Contactless cards in stripe mode at a gate with a real HSM: right, wrong, copied, replayed."""

from pathlib import Path

import pytest

from switch._security import card_proofs
from switch.events import IssuerKeysSet
from switch.iso8583 import Message
from switch.rules import Security
from tests.gate.test_hsm import ALL, Site, site
from tests.support.gate_bench import Link
from tests.support.secrets import present_chip
from tests.switch.test_proofs import chip

CODE_AT = 24  # characters before the code: number, D, expiry, service code


def tapped(here: Site, track: str, mode: str = "911") -> Message:
    return here.purchase(de2=None, de22=mode, de35=track)


async def reason_of(link: Link, message: Message) -> str:
    reply = await link.ask(message)
    return reply.get("48.RC", "") or reply[39]


@pytest.mark.parametrize("blocks", [False, True], ids=["variant", "key blocks"])
@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_a_code_is_verified_once(dialect: str, blocks: bool) -> None:
    async with site(blocks=blocks) as here:
        link = await here.bench.connect(dialect)
        track = here.vault.stripe_mode_track2(7)

        paid = await reason_of(link, tapped(here, track))
        replayed = await reason_of(link, tapped(here, track))
        older = await reason_of(link, tapped(here, here.vault.stripe_mode_track2(6)))
        newer = await reason_of(link, tapped(here, here.vault.stripe_mode_track2(8, "1234")))
        counter = card_proofs(here.shop.core, here.shop.card)[2]

    assert (paid, replayed, older) == ("00", "cryptogram_repeated", "cryptogram_repeated")
    assert (newer, counter) == ("00", 8)


async def test_any_changed_digit_of_a_track_is_found() -> None:
    async with site() as here:
        link = await here.bench.connect()
        track = here.vault.stripe_mode_track2(7)
        reasons = set()
        for at in range(CODE_AT, len(track) - 1):
            digit = str((int(track[at]) + 1) % 10)
            # A counter of 107 or 17 would be another one; its code is not this one either.
            changed = f"{track[:at]}{digit}{track[at + 1 :]}"
            reasons.add(await reason_of(link, tapped(here, changed)))
        counter = card_proofs(here.shop.core, here.shop.card)[2]
        right = await reason_of(link, tapped(here, track))

    assert reasons == {"dynamic_code_wrong"}
    assert (counter, right) == (None, "00")


async def test_a_code_of_another_number_is_wrong() -> None:
    async with site() as here:
        link = await here.bench.connect()
        one, other = (here.vault.stripe_mode_track2(7, number) for number in ("0001", "0002"))

        swapped = await reason_of(link, tapped(here, one[: CODE_AT + 8] + other[CODE_AT + 8 :]))

    assert swapped == "dynamic_code_wrong"


@pytest.mark.parametrize("security", [ALL, Security(chip=True), Security(card_code=True)])
async def test_a_captured_track_is_good_for_nothing_else(security: Security) -> None:
    async with site(security) as here:
        link = await here.bench.connect()
        track = here.vault.stripe_mode_track2(7)

        reasons = [
            await reason_of(link, tapped(here, track, mode))
            for mode in ("901", "021", "011", "051", "071")
        ]

    assert set(reasons) <= {"chip_expected", "cryptogram_missing"}


async def test_a_stripe_is_not_taken_for_stripe_mode() -> None:
    async with site() as here:
        link = await here.bench.connect()

        reason = await reason_of(link, tapped(here, here.vault.track2("201")))

    assert reason == "dynamic_code_wrong"


async def test_the_places_are_the_issuers_choice() -> None:
    """The places of a published example: counter 4 digits, code 3, number 2."""
    async with site() as here:
        secrets = here.vault.secrets
        here.shop.record(
            IssuerKeysSet(
                programme=1,
                cryptogram=secrets.cryptogram,
                dynamic_code=secrets.dynamic_code,
                pcvc3_track2="0038",
                punatc_track2="03C6",
                natc_track2=4,
            )
        )
        link = await here.bench.connect()
        head = f"{here.vault.card}D3012201"
        here.shop.buy(de22="071", de55=chip(300))
        code = here.vault.dynamic_code(f"{head}{'0' * 13}", "00000042", 751)
        track = f"{head}0000751{code[-3:]}422"

        right = await reason_of(link, tapped(here, track))
        replayed = await reason_of(link, tapped(here, track))

    assert (right, replayed) == ("00", "cryptogram_repeated")


@pytest.mark.parametrize("blocks", [False, True], ids=["variant", "key blocks"])
@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_a_card_pays_in_both_ways_and_its_copy_in_none(
    dialect: str, blocks: bool, tmp_path: Path
) -> None:
    async with site(blocks=blocks) as here:
        link = await here.bench.connect(dialect)
        file = here.vault.chip_card(tmp_path / "card.json")
        messages = []
        for stripe_mode in (True, False, True):
            message = here.purchase(de2=None)
            await present_chip(message, file, amount_minor=10_000, stripe_mode=stripe_mode)
            messages.append(message)

        paid = [await reason_of(link, message) for message in messages]
        replayed = [await reason_of(link, tapped(here, messages[at][35])) for at in (0, 2)]
        counter = card_proofs(here.shop.core, here.shop.card)[2]

    assert [message[22] for message in messages] == ["912", "072", "912"]
    assert paid == ["00"] * 3
    assert replayed == ["cryptogram_repeated"] * 2
    assert counter == 3
