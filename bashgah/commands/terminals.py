"""`bashgah terminals`: keys of terminals, made by an HSM and injected into a running switch.

Owns the options and what is printed. The work is `bashgah.terminal_keys`.
"""

import time
from pathlib import Path
from typing import Annotated

import msgspec
import trio
import typer

from bashgah.commands.operator_options import CONFIG, By, ConfigPath, Why, open_shards
from bashgah.hsm_dialog import address_of
from bashgah.production_files import write_new
from bashgah.terminal_keys import (
    ForTerminal,
    Injection,
    MacAlgorithm,
    for_terminal,
    inject,
    make_keys,
    read_injection,
    reset_counter,
)
from switch.errors import OperatingError
from switch.hsm_client import open_hsm

app = typer.Typer(no_args_is_help=True, help="Keys of terminals: make them, inject them.")

TERMINAL_ID_CHARACTERS = 8
DERIVED_KEYS_MAX = 0x1FFFFF  # a key serial number counts with 21 bits


@app.command("make-keys")
def make_keys_command(
    terminals: Annotated[Path, typer.Option(help="Names of terminals (DE 41), one a line.")],
    acquirer: Annotated[str, typer.Option(help="Code of their acquirer (DE 32).")],
    out: Annotated[Path, typer.Option(help="The injection file, for the switch.")],
    mac: Annotated[MacAlgorithm, typer.Option(help="Messages carry a MAC: retail or cmac.")] = "",
    zmk: Annotated[Path | None, typer.Option(help="A sealed ZMK: master keys go out too.")] = None,
    for_terminals: Annotated[
        Path | None, typer.Option(help="With --zmk: the file for who loads the terminals.")
    ] = None,
    variant: Annotated[bool, typer.Option(help="The HSM's LMK is a variant LMK.")] = False,
    hsm: Annotated[str, typer.Option(help="HOST:PORT of the HSM.")] = "127.0.0.1:1500",
) -> None:
    """Have an HSM make each terminal's master, PIN and MAC key.

    Under key blocks a master key is a key that encrypts keys, like a ZMK: --zmk needs the
    authorised state (`bashgah hsm authorise`).

    Example: bashgah terminals make-keys --terminals pos.txt --acquirer 581672 --out pos.jsonl
    """
    if (zmk is None) != (for_terminals is None):
        raise OperatingError("--zmk and --for-terminals belong together")
    names = terminals.read_text("ascii").split()
    if not names or any(len(name) != TERMINAL_ID_CHARACTERS for name in names):
        raise OperatingError(
            f"{terminals}: names of {TERMINAL_ID_CHARACTERS} characters, a line each"
        )
    zmk_wire = "" if zmk is None else zmk.read_text("ascii").strip()
    injections: list[Injection] = []
    outgoing: list[ForTerminal] = []

    async def work() -> None:
        async with open_hsm(address_of(hsm)) as session:
            for name in names:
                keys = await make_keys(session, acquirer, name, mac, blocks=not variant)
                injections.append(keys)
                if zmk_wire:
                    outgoing.append(await for_terminal(session, keys, zmk_wire))

    trio.run(work)
    encoder = msgspec.json.Encoder()
    write_new(out, encoder.encode_lines(injections))
    typer.echo(f"{out}: keys of {len(injections)} terminals")
    if for_terminals is not None:
        write_new(for_terminals, encoder.encode_lines(outgoing))
        typer.echo(f"{for_terminals}: the same for who loads them")


@app.command("inject")
def inject_command(
    file: Annotated[Path, typer.Argument(help="An injection file.")],
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Put terminals' keys in force at once; those of before hold no longer.

    Example: bashgah terminals inject pos.jsonl -c bashgah.toml
    """
    keys = read_injection(file)
    _, shards = open_shards(config, by)
    with shards:
        rows = sum(1 for _ in inject(shards, keys, int(time.time())))
    typer.echo(f"keys of {len(keys)} terminals are in force ({rows} rows)")


@app.command("reset-counter")
def reset_counter_command(
    terminal: Annotated[str, typer.Argument(help="Name of the terminal (DE 41).")],
    acquirer: Annotated[str, typer.Option(help="Code of its acquirer (DE 32).")],
    used: Annotated[
        int, typer.Option(min=0, max=DERIVED_KEYS_MAX, help="The last counter that was used.")
    ] = 0,
    why: Why = "",
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Count a terminal's derived keys (DUKPT) anew: it was loaded with another initial key.

    Never for the same key: what was sent under it before would be good once more.

    Example: bashgah terminals reset-counter T0000001 --acquirer 581672 --why "loaded anew"
    """
    _, shards = open_shards(config, by)
    with shards:
        rows = list(reset_counter(shards, (acquirer, terminal), used=used, why=why))
    places = ", ".join(f"shard {shard}, row {seq}" for shard, seq in rows)
    typer.echo(f"{terminal}: counters above {used} are good ({places})")
