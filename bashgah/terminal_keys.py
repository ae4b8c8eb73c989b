"""Keys of terminals: made by an HSM, written into files, injected into a switch.

    injection file    for the switch: a JSON line a terminal, each key under the HSM's LMK
    terminals' file   for whoever loads terminals: the master key under a ZMK, the others under it

Owns both forms and how the keys are made. No key is ever clear here.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from bashgah.control_client import Shards
from bashgah.hsm_dialog import ask
from switch.control import TerminalName
from switch.errors import OperatingError
from switch.events import KeyCounterReset, SealedKey, TerminalId, TerminalKeysSet
from switch.hsm_client import HsmSession
from switch.hsm_pool import make_session_key

MacAlgorithm = Literal["", "retail", "cmac"]
AcquirerCode = Annotated[str, msgspec.Meta(pattern="^[0-9]{1,11}$")]
TERMINALS_AT_ONCE = 1_000
# X9.143: K0 is a key that encrypts keys; T2 double-length TDES; B both ways; S leaves in any form.
MASTER_OPTIONS = "#K0T2B00S00"


class Injection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A terminal's keys for the switch. `told_…` are under `master`, with their check values."""

    terminal_id: TerminalId
    acquirer: AcquirerCode
    master: SealedKey
    pin: SealedKey
    mac: SealedKey = ""
    mac_algorithm: MacAlgorithm = ""
    told_pin: SealedKey = ""
    told_mac: SealedKey = ""
    data: SealedKey = ""  # of vouchers' PINs; files of before have none
    told_data: SealedKey = ""


class ForTerminal(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal's keys for who loads it: each with its check value behind it."""

    terminal_id: TerminalId
    acquirer: AcquirerCode
    master: str
    pin: str
    mac: str
    mac_algorithm: MacAlgorithm
    data: str


async def make_keys(
    session: HsmSession, acquirer: str, terminal_id: str, algorithm: MacAlgorithm, *, blocks: bool
) -> Injection:
    """Have a terminal's keys made. Raises HsmRefused, HsmUnavailable."""
    command = f"0FFFS{MASTER_OPTIONS}" if blocks else "0002U"
    master = _key_of((await ask(session, "A0", command)).decode("ascii"))[0]
    pin, told_pin = await make_session_key(session, "002", "P0", "B", master)
    mac = told_mac = ""
    if algorithm:
        usage = "M6" if algorithm == "cmac" else "M3"
        mac, told_mac = await make_session_key(session, "003", usage, "C", master)
    data, told_data = await make_session_key(session, "30B", "D0", "B", master)
    return Injection(
        terminal_id=terminal_id,
        acquirer=acquirer,
        master=master,
        pin=pin,
        mac=mac,
        mac_algorithm=algorithm,
        told_pin=told_pin,
        told_mac=told_mac,
        data=data,
        told_data=told_data,
    )


async def for_terminal(session: HsmSession, keys: Injection, zmk: str) -> ForTerminal:
    """Have a terminal's master key given under a ZMK. Raises HsmRefused, HsmUnavailable."""
    kind = "FFF" if keys.master.startswith("S") else "002"
    master = (await ask(session, "A8", f"{kind}{zmk}{keys.master}X")).decode("ascii")
    return ForTerminal(
        terminal_id=keys.terminal_id,
        acquirer=keys.acquirer,
        master=master,
        pin=keys.told_pin,
        mac=keys.told_mac,
        mac_algorithm=keys.mac_algorithm,
        data=keys.told_data,
    )


def read_injection(path: Path) -> list[Injection]:
    """Read an injection file. Raises OperatingError, which names the line, or OSError."""
    decoder = msgspec.json.Decoder(Injection)
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            keys = decoder.decode(line)
        except ValueError as error:  # it quotes types and places, never values
            raise OperatingError(f"{path}:{number}: {error}".replace("`", "")) from None
        if keys.mac_algorithm and not keys.mac:
            raise OperatingError(f"{path}:{number}: a MAC needs its key - at $.mac")
        found.append(keys)
    return found


def inject(shards: Shards, keys: Sequence[Injection], at_s: int) -> Iterator[tuple[int, int]]:
    """Put terminals' keys in force, in every shard; yields shard and row of each.

    Raises OperatingError before anything is done when a shard knows one of them not.
    """
    rows = _rows_of(shards, [(one.acquirer, one.terminal_id) for one in keys])
    for index, one in enumerate(keys):
        for shard in shards.numbers:
            event = TerminalKeysSet(
                terminal=rows[shard][index],
                master=one.master,
                pin=one.pin,
                mac=one.mac,
                mac_algorithm=one.mac_algorithm,
                told_pin=one.told_pin,
                told_mac=one.told_mac,
                data=one.data,
                told_data=one.told_data,
                at_s=at_s,
            )
            yield shard, shards.record(shard, event)


def reset_counter(
    shards: Shards, name: TerminalName, *, used: int, why: str
) -> Iterator[tuple[int, int]]:
    """Count a terminal's derived keys anew, in every shard; yields shard and row of each.

    Raises OperatingError before anything is done when a shard does not know the terminal.
    """
    for shard, (terminal,) in _rows_of(shards, [name]).items():
        event = KeyCounterReset(terminal=terminal, used=used, why=why)
        yield shard, shards.record(shard, event)


def _rows_of(shards: Shards, names: Sequence[TerminalName]) -> dict[int, list[int]]:
    """Give the terminals' numbers in each shard. Raises OperatingError."""
    rows = {}
    for shard in shards.numbers:
        numbers: list[int | None] = []
        for at in range(0, len(names), TERMINALS_AT_ONCE):
            numbers += shards.find_terminals(shard, names[at : at + TERMINALS_AT_ONCE])
        unknown = [name[1] for name, row in zip(names, numbers, strict=True) if row is None]
        if unknown:
            raise OperatingError(f"shard {shard} does not know terminal {', '.join(unknown[:5])}")
        rows[shard] = [row for row in numbers if row is not None]
    return rows


def _key_of(fields: str) -> tuple[str, str]:
    """Cut a sealed key from what stands behind it."""
    sealed = 1 + int(fields[2:6]) if fields.startswith("S") else 33
    return fields[:sealed], fields[sealed:]
