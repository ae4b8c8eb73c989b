"""`bashgah cards`: make batches of cards by an HSM, and virtual ones out of them.

Owns the options and what is printed; the work is `bashgah.card_production`. What is done with cards
at a running switch is `cards_running`.
"""

from functools import partial
from pathlib import Path
from typing import Annotated

import trio
import typer
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from bashgah.card_production import files, making, orders, personaliser
from bashgah.card_production.guests import pans_beside
from bashgah.card_production.loading import read_loader
from bashgah.card_production.making import SealedKeys
from bashgah.commands.cards_running import running_app
from bashgah.hsm_dialog import address_of
from bashgah.production_files import read_certificate, read_key, read_secret
from hsm_sim.production import fingerprint
from switch.config import read_pan_key
from switch.errors import OperatingError
from switch.hsm_client import open_hsm

app = typer.Typer(no_args_is_help=True, help="Make cards; load, block and unlock them.")
app.add_typer(running_app)  # without a name: its commands stand beside these


@app.command("issue")
def issue_command(
    order_path: Annotated[Path, typer.Argument(metavar="ORDER", help="The order, TOML.")],
    pan_key: Annotated[Path, typer.Option(help="The switch's key of card tokens.")],
    directory: Annotated[Path, typer.Option(help="Where the files go.")] = Path("var/cards"),
    hsm: Annotated[str, typer.Option(help="HOST:PORT of the HSM.")] = "127.0.0.1:1500",
) -> None:
    """Make a batch of cards: files for the personaliser, the PIN printer and the switch.

    The HSM must be authorised by two custodians (`bashgah hsm authorise`). Nothing that is written
    holds a PAN, a PIN or a key in clear. With `guests_of` in the order, each card is for a member's
    guest and gets a number beside the member's card.
    """
    order = orders.read_order(order_path)
    beside = order_path.parent
    keys = SealedKeys(
        pvk=read_key(beside / order.keys.pvk),
        cvk=read_key(beside / order.keys.cvk),
        mk_ac=read_key(beside / order.keys.mk_ac),
        zmk=read_key(beside / order.keys.zmk),
        mk_cvc3=read_key(beside / order.keys.mk_cvc3) if order.keys.mk_cvc3 else "",
    )
    token_key = read_pan_key(pan_key)
    maker = read_certificate(beside / order.recipients.personaliser)
    printer = read_certificate(beside / order.recipients.mailer_printer)
    printer_name = fingerprint(printer.public_bytes(Encoding.DER))
    members = _members(order, beside)
    names = orders.names(order, beside)
    pans = orders.pans(order)
    if members:
        pans = pans_beside(members, orders.pans_from(order), partial(files.token_of, token_key))

    async def work() -> None:
        async with open_hsm(address_of(hsm)) as session:
            cards = await making.make_cards(session, order, keys, pans, names)
            mailers = await making.mailers(session, order.batch, cards, printer_name)
        loader = files.loader_file(order, cards, token_key, members)
        made = files.personaliser_file(order, cards, maker)
        typer.echo(f"{order.batch}: {len(cards)} cards")
        for path in files.write_files(directory, order.batch, loader, made, mailers):
            typer.echo(path)

    trio.run(work)


def _members(order: orders.Order, beside: Path) -> list[bytes]:
    """Give the tokens of the members whom the order's cards are for. Raises OperatingError."""
    if order.guests_of is None:
        return []
    path = beside / order.guests_of
    members = [bytes.fromhex(card.token) for card in read_loader(path)]
    if len(members) != order.count:
        raise OperatingError(f"{path}: {len(members)} members for {order.count} cards")
    return members


@app.command("personalise")
def personalise_command(
    file: Annotated[Path, typer.Argument(help="The personaliser's file of a batch.")],
    certificate: Annotated[Path, typer.Option(help="The personaliser's certificate, PEM.")],
    key: Annotated[Path, typer.Option(help="Its private key, PEM, mode 0600.")],
    zmk: Annotated[Path, typer.Option(help="The shared ZMK, hexadecimal, mode 0600.")],
    directory: Annotated[Path, typer.Option(help="Where the cards go.")],
) -> None:
    """Be the personaliser: make the batch's cards as virtual ones, a file each."""
    private = load_pem_private_key(read_secret(key), None)
    if not isinstance(private, RSAPrivateKey):
        raise OperatingError(f"{key}: no RSA key")
    try:
        secret = bytes.fromhex(read_secret(zmk).decode("ascii").strip())
    except ValueError:
        raise OperatingError(f"{zmk}: not hexadecimal") from None
    cards = personaliser.opened(file.read_bytes(), read_certificate(certificate), private)
    paths = personaliser.write_cards(directory, cards, secret)
    typer.echo(f"{len(paths)} cards in {directory}")
