"""`bashgah up`: PostgreSQL and the switch with one command; with `--demo` HSM and terminals, too.

Owns the order of things and the signals. Standard error tells what goes on; standard output has
nothing but the demo's verdict, as its last line.
"""

import math
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import trio
import typer
from rich.console import Console

from bashgah.cli import INTERRUPTED_EXIT_CODE
from bashgah.demo_load import DemoLoad
from bashgah.demo_site import demo_config, demo_hsm, demo_population, load_demo
from bashgah.demo_tills import ProductTills
from bashgah.site import Site
from bashgah.verification import first_difference
from loadtest.pace import Closed, Open, Pace
from switch.config import ConfigError, load_config
from switch.slots import SHARDS_MAX

THINK_SECONDS = 0.08
"""How long the demo's terminals think between two requests: 200 of them then offer up to 2,500
requests a second, which the terminals' own process can just do: with more the demo would show how
long its terminals wait for each other."""

Demo = Annotated[bool, typer.Option("--demo", help="A demo club, its cards, and its terminals.")]
Seconds = Annotated[
    int | None, typer.Option(min=1, help="End the demo after so long; else at Ctrl-C.")
]
ConfigPath = Annotated[
    Path | None, typer.Option("--config", "-c", help="The TOML file; not with --demo.")
]
DataDir = Annotated[Path, typer.Option(help="Where the demo keeps its data, from run to run.")]
Count = Annotated[
    int, typer.Option(min=0, help="Simulated terminals; 0: the club alone, for a load of your own.")
]
Rate = Annotated[
    int | None,
    typer.Option(min=1, help="Requests a second on a schedule; else as they get replies."),
]
Shards = Annotated[
    int | None,
    typer.Option(min=1, max=SHARDS_MAX, help="Processes that share ports and cards; else one."),
]
Seed = Annotated[int, typer.Option(help="The same seed plays the same scenarios.")]
BinDir = Annotated[
    Path | None, typer.Option(help="The demo's PostgreSQL programs; else the wheel's.")
]


def command(
    demo: Demo = False,
    seconds: Seconds = None,
    config: ConfigPath = None,
    data_dir: DataDir = Path("var/demo"),
    terminals: Count = 200,
    rate: Rate = None,
    seed: Seed = 1,
    bin_dir: BinDir = None,
    shards: Shards = None,
) -> None:
    """Start everything and stop it cleanly at Ctrl-C.

    With --config: the embedded PostgreSQL, if the file has one, migrations, and the switch.
    With --demo: the same for a demo club, driven by simulated terminals over TCP, with a live view.
    A second start finds the data of the first, which is of as many shards. With --seconds it ends
    by itself; the last line of standard output is one JSON object, and the exit code is 1 when a
    reply was lost or mixed up, an acknowledged one is missing in the journal, or the books do not
    balance.

    With --terminals 0 nobody pays but you: for `bashgah loadtest`, which uses the same cards.

    With --shards: so many switch processes. Shard k serves its metrics on the HTTP port plus k.

    Examples: bashgah up --demo --seconds 20
              bashgah up --demo --shards 4 --data-dir var/demo-4
              bashgah up --config bashgah.toml
    """
    if demo == (config is not None):
        raise typer.BadParameter("give either --demo or --config")
    if config is not None:
        site = _configured_site(config, shards)
        raise typer.Exit(trio.run(_until_signal, partial(_serve, site, None, None)))
    pace: Pace = Open(requests_per_second=rate) if rate else Closed(think_seconds=THINK_SECONDS)
    directory = data_dir.absolute()
    demo_site = demo_config(directory, bin_dir, shards=shards or 1)
    hsm = demo_hsm(demo_site, directory)
    site = Site(data_dir=directory, config=demo_site, say=_say, hsm=hsm)
    if not terminals:
        raise typer.Exit(trio.run(_until_signal, partial(_serve, site, load_demo, seconds)))
    load = partial(_new_load, site, pace, terminals, seed)
    raise typer.Exit(trio.run(_until_signal, partial(_demonstrate, site, load, seconds)))


def _configured_site(path: Path, shards: int | None) -> Site:
    config = load_config(path)
    if shards is not None:
        config = msgspec.structs.replace(
            config, switch=msgspec.structs.replace(config.switch, shards=shards)
        )
    if not config.listener:
        raise ConfigError(f"{path}: nobody could connect - at $.listener")
    return Site(data_dir=path.absolute().parent / "var", config=config, say=_say)


async def _serve(
    site: Site,
    make_club: Callable[[Site], Awaitable[bool]] | None,
    seconds: int | None,
    stop: trio.Event,
) -> int:
    """Run database and switch until told to stop, or for so long."""
    try:
        await site.start_database()
        if make_club is not None:
            await make_club(site)
        await site.start_switch()
        for listener in site.config.listener:
            _say(f"{listener.name}: {listener.profile} on {listener.host}:{listener.port}")
        _say("ready; Ctrl-C stops")
        with trio.move_on_after(math.inf if seconds is None else seconds):
            await _watched(site, stop.wait)
    finally:
        with trio.CancelScope(shield=True):
            await site.stop()
    return 0


async def _demonstrate(
    site: Site, new_load: Callable[[], DemoLoad], seconds: int | None, stop: trio.Event
) -> int:
    """Run the demo: database, club, switch, terminals; then the verdict."""
    try:
        _say(f"demo in {site.data_dir}")
        await site.start_database()
        await load_demo(site)
        await site.start_switch()
        if stop.is_set():
            return INTERRUPTED_EXIT_CODE
        load = new_load()
        await _watched(site, partial(_drive, load, seconds, stop))
        await site.stop_switch()
        with site.step("verify"):
            difference = await first_difference(site.config_path)
        with site.step("journal compared with what the terminals were told"):
            verdict = await load.judge(difference=difference)
    finally:
        with trio.CancelScope(shield=True):
            await site.stop()
    sys.stdout.write(verdict.line() + "\n")
    return 0 if verdict.good and load.clean else 1


async def _drive(load: DemoLoad, seconds: int | None, stop: trio.Event) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(load.drive, stop, Console(stderr=True))
        if seconds is not None:
            await load.began.wait()
            with trio.move_on_after(seconds):
                await stop.wait()
            stop.set()


async def _watched(site: Site, run: Callable[[], Awaitable[None]]) -> None:
    """Run something that needs the switch. Raises `ChildProgramError` if that ends before."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(site.fail_when_a_switch_ends)
        await run()
        nursery.cancel_scope.cancel()


async def _until_signal(run: Callable[[trio.Event], Awaitable[int]]) -> int:
    """Run with an event that Ctrl-C and SIGTERM set."""
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_watch_signals, stop)
        code = await run(stop)
        nursery.cancel_scope.cancel()
    return code


async def _watch_signals(
    stop: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _number in signals:
            _say("stopping: terminals, switch, PostgreSQL")
            stop.set()


def _new_load(site: Site, pace: Pace, connections: int, seed: int) -> DemoLoad:
    listener = site.config.listener[0]
    address = (listener.host, listener.port)
    return DemoLoad(
        population=demo_population(),
        pace=pace,
        connections=connections,
        seed=seed,
        address=address,
        metrics_urls=site.metrics_urls,
        dsn=site.dsn,
        tills=ProductTills(address),
        say=_say,
    )


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
