"""`bashgah lend-card`: a virtual card in the reader that vsmartcard gives to pcscd.

Owns the options. The card and the driver's protocol are `acquirers.terminal.cards`'.
"""

from pathlib import Path
from typing import Annotated

import trio
import typer

from acquirers.terminal.cards.personalisation import PersonalisationFile
from acquirers.terminal.cards.virtual import VirtualCard
from acquirers.terminal.cards.vpcd import PORT, lend

FileArgument = Annotated[Path, typer.Argument(help="The card's personalisation file.")]
ContactOption = Annotated[
    bool, typer.Option("--contact", help="Put it into a slot instead of holding it to an antenna.")
]
HostOption = Annotated[str, typer.Option(help="Where vsmartcard's driver listens.")]
PortOption = Annotated[
    int, typer.Option(help="The driver's port; the next is its second reader's.")
]


def command(
    file: FileArgument,
    contact: ContactOption = False,
    host: HostOption = "127.0.0.1",
    port: PortOption = PORT,
) -> None:
    """Keep a virtual card in a PC/SC reader until Ctrl-C, or until pcscd ends."""
    card = VirtualCard(PersonalisationFile(file), contactless=not contact)
    trio.run(_lent, card, host, port)


async def _lent(card: VirtualCard, host: str, port: int) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(lend, card, host, port)
        typer.echo(f"the card is in the reader at {host}:{port}; Ctrl-C takes it out")
