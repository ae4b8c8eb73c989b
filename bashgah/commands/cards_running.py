"""`bashgah cards` at a running switch: unlock, block, unblock, reissue, limit, load.

Owns the options and how a card is named: its PAN is never an argument, which others could see.
"""

import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from bashgah.card_production.files import TOKEN_BYTES, token_of
from bashgah.card_production.loading import load_cards, read_loader
from bashgah.commands.operator_options import CONFIG, By, ConfigPath, Why, open_shards
from switch.config import Config, ConfigError, read_pan_key
from switch.control import FoundCard
from switch.errors import OperatingError
from switch.events import (
    CardReissued,
    CardStatusChanged,
    CreditLimitSet,
    Event,
    PinTriesReset,
)
from switch.limits import AMOUNT_MINOR_MAX
from switch.operations import CardStatus

PAN_DIGITS = range(12, 20)  # ISO/IEC 7812-1: up to 19

PanStdin = Annotated[bool, typer.Option("--pan-stdin", help="Read the PAN, without echo.")]
Token = Annotated[str, typer.Option(help="The card's token, 32 hexadecimal digits.")]

running_app = typer.Typer()


@running_app.command("unlock")
def unlock_command(
    pan_stdin: PanStdin = False,
    token: Token = "",
    why: Why = "",
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Forget a card's wrong PINs, so that it is good again.

    Example: bashgah cards unlock --pan-stdin --why "called, identified" -c bashgah.toml
    """

    def event(card: FoundCard) -> Event:
        return PinTriesReset(card=card.card, why=why)

    card, row = _record(config, by, event, pan_stdin=pan_stdin, token=token)
    typer.echo(f"{card.pan}: unlocked, its {card.pin_tries} wrong PINs are forgotten ({row})")


@running_app.command("block")
def block_command(
    pan_stdin: PanStdin = False,
    token: Token = "",
    why: Why = "",
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Block a card until it is unblocked."""
    _change_status(config, by, CardStatus.BLOCKED, why, pan_stdin=pan_stdin, token=token)


@running_app.command("unblock")
def unblock_command(
    pan_stdin: PanStdin = False,
    token: Token = "",
    why: Why = "",
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Make a blocked card active again; not one that is lost, stolen or closed."""
    _change_status(config, by, CardStatus.ACTIVE, why, pan_stdin=pan_stdin, token=token)


@running_app.command("reissue")
def reissue_command(
    expires: Annotated[str, typer.Option(help="The new card's month, YYMM.")],
    new_chip: Annotated[bool, typer.Option("--new-chip", help="Its chip counts anew.")] = False,
    pan_stdin: PanStdin = False,
    token: Token = "",
    why: Why = "",
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Have a new card take an old one's place under its number: all that it has stays.

    The old one's date is wrong from now on. PINs stay, and what is blocked stays blocked.

    Example: bashgah cards reissue --expires 3312 --pan-stdin -c bashgah.toml
    """
    if not (len(expires) == 4 and expires.isascii() and expires.isdecimal()):
        raise OperatingError("--expires: four digits, YYMM")

    def event(card: FoundCard) -> Event:
        try:
            return CardReissued(
                card=card.card, expires_yymm=int(expires), new_chip=new_chip, why=why
            )
        except ValueError as error:
            raise OperatingError(f"--expires: {error}") from None

    card, row = _record(config, by, event, pan_stdin=pan_stdin, token=token)
    typer.echo(f"{card.pan}: good to {expires} instead of {card.expires_yymm:04} ({row})")


@running_app.command("limit")
def limit_command(
    minor: Annotated[int, typer.Option(help="How far below zero its credit may go.", min=0)],
    pan_stdin: PanStdin = False,
    token: Token = "",
    why: Why = "",
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Set how much credit a card has, whatever its programme gives new ones.

    Example: bashgah cards limit --minor 50000000 --pan-stdin -c bashgah.toml
    """
    if minor > AMOUNT_MINOR_MAX:
        raise OperatingError(f"--minor: at most {AMOUNT_MINOR_MAX:,}")

    def event(card: FoundCard) -> Event:
        return CreditLimitSet(card=card.card, limit_minor=minor, why=why)

    card, row = _record(config, by, event, pan_stdin=pan_stdin, token=token)
    typer.echo(f"{card.pan}: credit to {minor:,} ({row})")


@running_app.command("load")
def load_command(
    file: Annotated[Path, typer.Argument(help="A batch's loader file.")],
    programme: Annotated[int, typer.Option(help="Number of the cards' programme.")],
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Put a batch of cards into force; those that are known already are left as they are.

    Example: bashgah cards load var/cards/CARDS0000001.loader.jsonl --programme 1
    """
    cards = read_loader(file)
    _, shards = open_shards(config, by)
    new = known = 0
    with shards:
        for _, more, before in load_cards(shards, programme, cards):
            new, known = new + more, known + before
    typer.echo(f"{new} cards are new, {known} were known")


def _change_status(
    config: Path, by: str, status: CardStatus, why: str, *, pan_stdin: bool, token: str
) -> None:
    def event(card: FoundCard) -> Event:
        # A card that was reported lost must not come back by a wrong command.
        if card.status not in (CardStatus.ACTIVE, CardStatus.BLOCKED):
            raise OperatingError(f"{card.pan} is {card.status.name.lower()}")
        return CardStatusChanged(card=card.card, status=status, why=why)

    card, row = _record(config, by, event, pan_stdin=pan_stdin, token=token)
    typer.echo(f"{card.pan}: {status.name.lower()} ({row})")


def _record(
    config_path: Path,
    by: str,
    event: Callable[[FoundCard], Event],
    *,
    pan_stdin: bool,
    token: str,
) -> tuple[FoundCard, str]:
    """Find a card and record what is to be; the card as it was, and the row."""
    config, shards = open_shards(config_path, by)
    wanted = _token(config, pan_stdin, token)
    with shards:
        shard = shards.owner_of(wanted)
        (card,) = shards.find_cards(shard, [wanted])
        if card is None:
            raise OperatingError("no such card")
        seq = shards.record(shard, event(card))
    return card, f"shard {shard}, row {seq}"


def _token(config: Config, pan_stdin: bool, text: str) -> bytes:
    """Give the token of the card that is meant. Raises OperatingError."""
    if pan_stdin == bool(text):
        raise OperatingError("say which card: either --pan-stdin or --token")
    if text:
        try:
            token = bytes.fromhex(text)
        except ValueError:
            token = b""
        if len(token) != TOKEN_BYTES:
            raise OperatingError(f"no token: {2 * TOKEN_BYTES} hexadecimal digits")
        return token
    if config.keys.pan_key_file is None:
        raise ConfigError("a PAN needs the key of card tokens - at $.keys.pan_key_file")
    pan = (getpass("PAN: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not (pan.isascii() and pan.isdecimal() and len(pan) in PAN_DIGITS):
        raise OperatingError("no PAN")
    return token_of(read_pan_key(config.keys.pan_key_file), pan)
