"""`bashgah record`: events out of a file into a running switch, as the journal will have them.

Owns the reading of the file. What an event does is `switch.directory`'s.
"""

from pathlib import Path
from typing import Annotated

import typer

from bashgah.commands.operator_options import CONFIG, By, ConfigPath, open_shards
from switch.control import strict_event
from switch.errors import OperatingError, ProtocolError
from switch.events import (
    CardReissued,
    CardsAdded,
    CardsLinked,
    CardStatusChanged,
    CreditLimitSet,
    Event,
    KeyCounterReset,
    MerchantStatusChanged,
    PinTriesReset,
    TakenOver,
    TerminalKeysSet,
    TerminalStatusChanged,
)

OF_ONE_SHARD = (
    *(CardsAdded, CardStatusChanged, CardReissued, CreditLimitSet, PinTriesReset),
    TakenOver,
)
BY_NUMBER = (
    *(CardsLinked, KeyCounterReset, MerchantStatusChanged, TerminalKeysSet),
    TerminalStatusChanged,
)
"""Numbers may differ between shards: each counts the cards, terminals, merchants it knows."""


def command(
    file: Annotated[Path, typer.Argument(help="Events, a JSON line each.")],
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Let events take effect in every shard: merchants, terminals, programmes, issuers' keys.

    Each line is checked before the first is sent. Cards are one shard's: see `bashgah cards`.

    \b
    {"type":"issuer_keys_set","programme":1,"pin_verification":"S1009…"}
    {"type":"derivation_key_set","acquirer":1,"key":"S1009…"}

    Example: bashgah record keys.jsonl -c bashgah.toml
    """
    events = [_read(file, number, line) for number, line in _lines(file)]
    _, shards = open_shards(config, by)
    for number, event in events:
        if isinstance(event, BY_NUMBER) and len(shards.numbers) > 1:
            raise OperatingError(f"{file}:{number}: numbers may differ between shards")
    with shards:
        for number, event in events:
            try:
                for shard, seq in shards.record_everywhere(event):
                    typer.echo(f"{file}:{number}: shard {shard}, row {seq}")
            except OperatingError as error:
                raise OperatingError(f"{file}:{number}: {error}") from None


def _lines(file: Path) -> list[tuple[int, bytes]]:
    lines = enumerate(file.read_bytes().splitlines(), 1)
    return [(number, line) for number, line in lines if line.strip()]


def _read(file: Path, number: int, line: bytes) -> tuple[int, Event]:
    try:
        event = strict_event(line)
    except ProtocolError as error:
        raise OperatingError(f"{file}:{number}: {error}") from None
    if isinstance(event, OF_ONE_SHARD):
        raise OperatingError(f"{file}:{number}: such an event is of one shard, see `bashgah cards`")
    return number, event
