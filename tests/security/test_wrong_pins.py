"""Wrong PINs are counted at a whole site: exactly, however many come at once and whoever dies."""

from collections import Counter

import pytest
import trio

from bashgah.demo import with_check_digit
from tests.support.secrets import Vault
from tests.support.secure_site import SecureSite, running_secure_site

PIN, WRONG = "730264918553", "194603857726"
TRIES = 3
CARD, OTHER = (with_check_digit(f"936400{body}") for body in ("731948256", "582617394"))


async def attempt(here: SecureSite, vault: Vault, pin: str, count: int = 1) -> list[str]:
    """Try a PIN so often at once, over one connection; how each ended."""
    link = await here.connect()
    block = vault.block(pin)
    messages = [here.message(vault, de52=block) for _ in range(count)]
    await link.send(*(here.sealed(link, vault, message) for message in messages))
    replies = [await link.reply() for _ in range(count)]
    await link.channel.aclose()
    return [reply.get("48.RC", reply[39]) for reply in replies]


async def crash(here: SecureSite) -> None:
    """Kill the switch (SIGKILL) and start it again."""
    here.site.switch.kill()
    await here.site.start_switch()
    await here.wait_for_hsm(connected=True)


@pytest.mark.slow
async def test_a_hundred_wrong_pins_at_once_and_a_killed_switch_leave_three_tries() -> None:
    async with running_secure_site([(CARD, PIN), (OTHER, PIN)]) as here:
        card, other = here.vaults
        load = {"de3": "210000", "de4": "000050000000"}
        link = await here.connect()
        for vault in here.vaults:
            assert (await link.ask(here.message(vault, **load)))[39] == "00"
        await link.channel.aclose()

        first = await attempt(here, card, WRONG)
        await crash(here)
        second = await attempt(here, card, WRONG)
        await crash(here)
        ended: list[str] = []

        async def five_times_twenty() -> None:
            ended.extend(await attempt(here, card, WRONG, 20))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(five_times_twenty)
        await crash(here)
        right = await attempt(here, card, PIN)
        of_another = await attempt(here, other, PIN)

    assert first == second == ["pin_wrong"]
    assert Counter(ended) == {"pin_wrong": TRIES - 2, "pin_tries_exceeded": 100 - (TRIES - 2)}
    assert right == ["pin_tries_exceeded"]
    assert of_another == ["00"]
