"""`bashgah vouchers`: batches of voucher PINs, made and exported by an HSM, loaded into a switch.

Owns the options and what is printed. The work is `bashgah.vouchers`; PINs in clear are in no file
and not in this process.
"""

import hashlib
from pathlib import Path
from typing import Annotated

import trio
import typer
from cryptography.hazmat.primitives.serialization import Encoding

from bashgah.commands.operator_options import CONFIG, By, ConfigPath, Why, open_shards
from bashgah.hsm_dialog import address_of, ask
from bashgah.production_files import read_certificate, read_key, write_new
from bashgah.vouchers import batches, loading
from bashgah.vouchers.batches import Exported, Order, Outcome, Token, path_of
from bashgah.vouchers.loading import Stock
from bashgah.vouchers.print_house import is_signed
from hsm_sim.production import fingerprint
from switch.config import Config, ConfigError, read_pan_key
from switch.errors import OperatingError
from switch.hsm_client import open_hsm
from switch.operations import CardStatus

app = typer.Typer(
    no_args_is_help=True, help="Make voucher PINs, export them to be printed, load them."
)

STATES = {"O": "not exported", "E": "exported", "D": "destroyed"}
EXIT_NO = 1

Hsm = Annotated[str, typer.Option("--hsm", help="HOST:PORT of the HSM.")]
Serial = Annotated[str, typer.Argument(help="The voucher's serial number.")]
Batch = Annotated[str, typer.Option(help="12 letters and digits.")]
Directory = Annotated[Path, typer.Option(help="Where the batch's files are.")]
ADDRESS, DIRECTORY = "127.0.0.1:1500", Path("var/vouchers")


@app.command("generate")
def generate_command(
    batch: Batch,
    product: Annotated[str, typer.Option(help="Printed on each, and part of each digest.")],
    count: Annotated[int, typer.Option(min=1, max=500_000)],
    first: Annotated[int, typer.Option(min=0, help="Serial number of the first voucher.")],
    value: Annotated[int, typer.Option(min=0, help="In rials, of one voucher.")],
    digest_key: Annotated[Path, typer.Option(help="File of the VOUCHER key, as S and its block.")],
    digits: Annotated[int, typer.Option(min=12, max=20)] = 16,
    key_id: Annotated[int, typer.Option(help="Number of the digest key, for the file.")] = 1,
    directory: Directory = DIRECTORY,
    hsm: Hsm = ADDRESS,
) -> None:
    """Make a batch of PINs: a file of digests to load, and one of sealed PINs to export."""
    order = Order(
        batch=batch,
        product=product,
        count=count,
        first=first,
        value_minor=value,
        digits=digits,
        key_id=key_id,
    )

    async def work() -> None:
        async with open_hsm(address_of(hsm)) as session:
            made = await batches.generate(session, order, read_key(digest_key))
        batches.write_batch(directory, order, made)
        typer.echo(f"{batch}: {count} vouchers, serials {made.serials[0]} to {made.serials[-1]}")
        typer.echo(f"to load: {path_of(directory, batch, 'digests.csv')}")

    trio.run(work)


@app.command("recipient")
def recipient_command(
    certificate: Annotated[Path, typer.Argument(help="Of the print house, PEM.")],
    mailers: Annotated[bool, typer.Option("--mailers", help="For PIN mailers instead.")] = False,
    hsm: Hsm = ADDRESS,
) -> None:
    """Enrol a print house in the HSM, which two custodians have authorised before."""
    der = read_certificate(certificate).public_bytes(Encoding.DER)

    async def work() -> None:
        async with open_hsm(address_of(hsm)) as session:
            purpose = b"M" if mailers else b"V"
            name = await ask(session, "VS", purpose + f"{len(der):04}".encode("ascii") + der)
        typer.echo(name.decode("ascii"))

    trio.run(work)


@app.command("export")
def export_command(
    batch: Batch,
    recipient: Annotated[Path, typer.Option(help="The print house's certificate, PEM.")],
    token: Annotated[
        list[str], typer.Option(help="NAME:TOKEN of a custodian (`bashgah hsm release`); twice.")
    ],
    mac_key: Annotated[Path, typer.Option(help="File of the print house's ZAK, S and its block.")],
    directory: Directory = DIRECTORY,
    hsm: Hsm = ADDRESS,
) -> None:
    """Have the HSM write the print house's file, once: after it the sealed PINs are destroyed."""
    order, sealed = batches.read_batch(directory, batch)
    name = fingerprint(read_certificate(recipient).public_bytes(Encoding.DER))
    tokens = [Token(*word.rpartition(":")[::2]) for word in token]

    async def work() -> None:
        async with open_hsm(address_of(hsm)) as session:
            exported = await batches.export(
                session,
                order,
                sealed,
                recipient=name,
                tokens=tokens,
                mac_key=read_key(mac_key),
            )
        _write_export(directory, batch, exported)
        typer.echo(f"{batch}: {path_of(directory, batch, 'p7m')}, SHA-256")
        typer.echo(hashlib.sha256(exported.envelope).hexdigest().upper())

    trio.run(work)


@app.command("rotate")
def rotate_command(
    batch: Batch,
    digest_key: Annotated[Path, typer.Option(help="File of the new VOUCHER key.")],
    key_id: Annotated[int, typer.Option(help="Its number.")],
    directory: Directory = DIRECTORY,
    hsm: Hsm = ADDRESS,
) -> None:
    """Digest a batch that is not exported under a new key; vouchers that are out change later,
    each when it is redeemed.
    """
    order, sealed = batches.read_batch(directory, batch)

    async def work() -> None:
        async with open_hsm(address_of(hsm)) as session:
            digests = await batches.redigested(session, order, sealed, read_key(digest_key))
        path = path_of(directory, batch, f"digests.{key_id}.csv")
        serials = batches.serials_of(order)
        write_new(path, batches.digest_lines(order, serials, digests, key_id))
        typer.echo(f"to load: {path}")

    trio.run(work)


@app.command("verify")
def verify_command(batch: Batch, directory: Directory = DIRECTORY, hsm: Hsm = ADDRESS) -> None:
    """Say whether an export is the one this HSM wrote and signed; exit code 1 if not."""
    envelope = path_of(directory, batch, "p7m").read_bytes()
    signature = path_of(directory, batch, "sig").read_bytes()
    told, public_key = trio.run(_outcome, hsm, batch)
    if not is_signed(envelope, signature, public_key):
        typer.echo(f"{batch}: the signature is not this HSM's over this file")
        raise typer.Exit(EXIT_NO)
    if hashlib.sha256(envelope).hexdigest().upper() != told.sha256:
        typer.echo(f"{batch}: signed, but not the file of this batch")
        raise typer.Exit(EXIT_NO)
    typer.echo(f"{batch}: as the HSM wrote it")


@app.command("receipt")
def receipt_command(batch: Batch, hsm: Hsm = ADDRESS) -> None:
    """Show what became of a batch: when exported, to whom and in which file."""
    told, _ = trio.run(_outcome, hsm, batch)
    typer.echo(f"batch      {batch}\nvouchers   {told.count}\nstate      {STATES[told.state]}")
    if told.sha256:
        typer.echo(f"recipient  {told.recipient}\nSHA-256    {told.sha256}")


@app.command("load")
def load_command(
    batch: Batch,
    programme: Annotated[int, typer.Option(help="Number of the vouchers' programme.")],
    expiry: Annotated[str, typer.Option(help="YYMM, the last month in which they are good.")],
    points: Annotated[int, typer.Option(min=0, help="Each is worth, instead of its price.")] = 0,
    key_id: Annotated[int, typer.Option(help="Number of the digest key, after a rotation.")] = 0,
    received: Annotated[
        str, typer.Option(help="SHA-256 of the file that the print house has received.")
    ] = "",
    before_delivery: Annotated[
        bool, typer.Option("--before-delivery", help="Load what nobody has received yet.")
    ] = False,
    directory: Directory = DIRECTORY,
    hsm: Hsm = ADDRESS,
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Put a batch into force: from now on its vouchers can be sold. Once.

    Example: bashgah vouchers load --batch NOROOZ000001 --programme 21 --expiry 3012 --received …
    """
    order = batches.read_order(directory, batch)
    rows = loading.read_digests(directory, order, key_id)
    if not _is_month(expiry):
        raise OperatingError("an expiry is YYMM")
    if bool(received) == before_delivery:
        raise OperatingError("either --received, or --before-delivery")
    if received:
        loading.expect_delivered(order, trio.run(_outcome, hsm, batch)[0], received)
    stock = Stock(programme=programme, expiry=expiry, points=points)
    loaded_config, shards = open_shards(config, by)
    with shards:
        pieces = loading.load_vouchers(shards, stock, order, key_id, rows, _pan_key(loaded_config))
        typer.echo(f"{batch}: {sum(pieces)} of {order.count} vouchers are new")


@app.command("status")
def status_command(
    serial: Serial,
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Show what a voucher is worth, and whether it is sold, redeemed or void."""
    loaded, shards = open_shards(config, by)
    with shards:
        _, found = loading.find_voucher(shards, serial, _pan_key(loaded))
    assert found.voucher is not None, "find_voucher has seen to it"
    state = "not sold, or over"
    if found.voucher.redeemed:
        state = "redeemed"
    elif found.status is not CardStatus.ACTIVE:
        state = "void"
    elif found.voucher.sold:
        state = "sold"
    worth = f"{found.voucher.points} points" if found.voucher.points else "its price"
    typer.echo(f"state  {state}\nprice  {found.voucher.price_minor}\nworth  {worth}")


@app.command("void")
def void_command(
    serial: Annotated[list[str], typer.Argument(help="Serial numbers.")],
    why: Why = "",
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Make vouchers worth nothing for ever, sold or not; those that are redeemed stay so."""
    loaded, shards = open_shards(config, by)
    with shards:
        for one in serial:
            done = loading.void(shards, one, _pan_key(loaded), why)
            typer.echo(f"{one}: {'void' if done else 'was void before'}")


def _pan_key(config: Config) -> bytes:
    if config.keys.pan_key_file is None:
        raise ConfigError("a voucher needs the key of card tokens - at $.keys.pan_key_file")
    return read_pan_key(config.keys.pan_key_file)


def _is_month(text: str) -> bool:
    return len(text) == 4 and text.isascii() and text.isdecimal() and 1 <= int(text[2:]) <= 12


def _write_export(directory: Path, batch: str, exported: Exported) -> None:
    write_new(path_of(directory, batch, "p7m"), exported.envelope)
    write_new(path_of(directory, batch, "sig"), exported.signature)
    path_of(directory, batch, "sealed.csv").unlink()


async def _outcome(hsm: str, batch: str) -> tuple[Outcome, bytes]:
    async with open_hsm(address_of(hsm)) as session:
        told = await batches.outcome(session, batch)
        return told, (await ask(session, "VU"))[4:]
