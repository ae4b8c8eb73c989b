"""`bashgah hsm`: run the simulated HSM, and check one against published vectors.

Owns the options. What runs is `bashgah.hsm_server`, what is checked `bashgah.hsm_selftest`; what is
done at the HSM itself is `hsm_console`.
"""

from pathlib import Path
from typing import Annotated, Literal

import trio
import typer

from bashgah.commands.hsm_console import console_app
from bashgah.hsm_selftest import Outcome, own_hsm, report, run_selftest
from bashgah.hsm_server import HsmOptions, TlsFiles, door_of, run_hsm
from hsm_sim.framing import HEADER_BYTES_MAX
from hsm_sim.lmk_files import TEST
from switch.errors import OperatingError
from switch.hsm_client import HsmAddress, tls_context
from switch.logs import configure_logs

DIFFERENT_EXIT_CODE = 1

app = typer.Typer(no_args_is_help=True, help="Be a hardware security module; check one.")
app.add_typer(console_app)  # without a name: its commands stand beside these

LmkOption = Annotated[
    list[str],
    typer.Option(
        "--lmk",
        help="variant-test, test (everybody knows both), or a file. Repeated: LMK 00, 01, …",
    ),
]


@app.command("serve")
def serve_command(
    listen: Annotated[
        str, typer.Option(help="HOST:PORT without TLS; empty for none.")
    ] = "127.0.0.1:1500",
    lmk: LmkOption = [TEST],  # noqa: B006 (typer copies it)
    header_length: Annotated[
        int, typer.Option(min=0, max=HEADER_BYTES_MAX, help="Bytes before each command.")
    ] = 4,
    tls_listen: Annotated[str, typer.Option(help="HOST:PORT with TLS, as 0.0.0.0:2500.")] = "",
    tls_cert: Annotated[Path | None, typer.Option(help="Our certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(help="The CA of clients' certificates; each needs one.")
    ] = None,
    environment: Annotated[
        Literal["test", "production"],
        typer.Option(help="production refuses published LMKs, and plain doors but on loopback."),
    ] = "test",
    disable: Annotated[str, typer.Option(help="Commands that answer 68, as CC,CA.")] = "",
    metrics: Annotated[str, typer.Option(help="HOST:PORT of Prometheus metrics.")] = "",
    home: Annotated[
        Path | None,
        typer.Option(help="Files of the console (`bashgah hsm authorise`) and of vouchers."),
    ] = None,
) -> None:
    """Serve host commands until SIGTERM or Ctrl-C; what was read is answered.

    \b
    bashgah hsm serve --lmk variant-test
    bashgah hsm serve --lmk hsm.lmk --listen "" --tls-listen 0.0.0.0:2500 \\
        --tls-cert hsm.pem --tls-key hsm.key --tls-client-ca clients.pem --environment production
    """
    files = None
    if tls_cert is not None and tls_key is not None and tls_client_ca is not None:
        files = TlsFiles(certificate=tls_cert, key=tls_key, client_ca=tls_client_ca)
    elif not (tls_cert is tls_key is tls_client_ca is None):
        raise OperatingError("--tls-cert, --tls-key and --tls-client-ca belong together")
    options = HsmOptions(
        lmks=lmk,
        plain=door_of(listen) if listen else None,
        tls=door_of(tls_listen) if tls_listen else None,
        tls_files=files,
        metrics=door_of(metrics) if metrics else None,
        header_bytes=header_length,
        environment=environment,
        home=home,
        disabled=frozenset(code.strip() for code in disable.split(",") if code.strip()),
    )
    configure_logs("info")
    trio.run(run_hsm, options)


@app.command("selftest")
def selftest_command(
    connect: Annotated[
        str, typer.Option(help="HOST:PORT of an HSM with both published LMKs; else one is started.")
    ] = "",
    tls_ca: Annotated[Path | None, typer.Option(help="The CA of the HSM's certificate.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Our certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
) -> None:
    """Check an HSM against every published vector, over the wire.

    Its keys are sealed with the published LMKs (--lmk variant-test --lmk test), so this is for test
    HSMs only. Exit code 1 when anything differs.

    \b
    bashgah hsm selftest
    bashgah hsm selftest --connect 127.0.0.1:1500
    """
    tls = None
    if tls_ca is not None and tls_cert is not None and tls_key is not None:
        tls = tls_context(str(tls_ca), str(tls_cert), str(tls_key))
    elif not (tls_ca is tls_cert is tls_key is None):
        raise OperatingError("--tls-ca, --tls-cert and --tls-key belong together")
    address = None
    if connect:
        door = door_of(connect)
        address = HsmAddress(host=door.host, port=door.port, tls=tls)
    configure_logs("warning")
    outcomes = trio.run(_selftest, address)
    for line in report(outcomes):
        typer.echo(line)
    if not all(outcome.passed for outcome in outcomes):
        raise typer.Exit(DIFFERENT_EXIT_CODE)


async def _selftest(address: HsmAddress | None) -> list[Outcome]:
    if address is not None:
        return await run_selftest(address)
    async with own_hsm() as own:
        return await run_selftest(own)
