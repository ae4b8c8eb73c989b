"""All commands of the HSM in one table, from the families' own.

Owns nothing but the sum; a code that two families claim is a mistake of ours.
"""

from collections.abc import Mapping

from hsm_sim.commands import (
    cards,
    data,
    diagnostics,
    emv,
    extras,
    keys,
    macs,
    personalisation,
    pins,
    production,
    vouchers,
    zone_keys,
)
from hsm_sim.hsm import Command

FAMILIES: tuple[tuple[Command, ...], ...] = (
    keys.COMMANDS,
    zone_keys.COMMANDS,
    pins.COMMANDS,
    cards.COMMANDS,
    macs.COMMANDS,
    emv.COMMANDS,
    data.COMMANDS,
    extras.COMMANDS,
    diagnostics.COMMANDS,
    production.COMMANDS,
    vouchers.COMMANDS,
    personalisation.COMMANDS,
)


def table() -> Mapping[str, Command]:
    """Give every command by its code."""
    commands = {command.code: command for family in FAMILIES for command in family}
    assert len(commands) == sum(map(len, FAMILIES)), "a code twice"
    return commands
