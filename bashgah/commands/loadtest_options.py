"""Options that the load commands share: what to send, where to, over what. Owns their words."""

from pathlib import Path
from typing import Annotated

import typer

from loadtest.report import Language

TargetName = Annotated[
    str, typer.Argument(metavar="TARGET", help="A target that ships, or a .toml file.")
]
Address = Annotated[str, typer.Option(help="host:port, instead of the target's own.")]
WorkloadName = Annotated[
    str, typer.Option("--workload", "-w", help="A workload that ships, or a .toml file.")
]
ArrivalText = Annotated[
    str,
    typer.Option(
        "--arrival",
        "-a",
        help="constant RATE, poisson RATE, ramp FROM TO SECONDS, step RATE:SECONDS,…, "
        "burst COUNT EVERY_SECONDS, replay FILE, closed [THINK_MS].",
    ),
]
Seed = Annotated[int, typer.Option(help="The same seed sends the same messages.")]
Connections = Annotated[int, typer.Option("--connections", "-n", min=1, max=20_000)]
Window = Annotated[int, typer.Option(min=1, help="Outstanding messages a connection may have.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="Without warm-up and drain.")]
WarmupSeconds = Annotated[float, typer.Option("--warmup-seconds", min=0.0)]
ReplySeconds = Annotated[
    float, typer.Option("--reply-seconds", min=0.001, help="The requester's timer.")
]
DrainSeconds = Annotated[
    float,
    typer.Option(min=0.0, help="How long what is due still leaves after the schedule's end."),
]
Watched = Annotated[
    list[str] | None,
    typer.Option(
        "--watch",
        metavar="NAME=PID",
        help="Sample a process with its children; repeatable.",
    ),
]
MetricsUrls = Annotated[
    list[str] | None,
    typer.Option("--metrics", metavar="URL", help="A switch's /metrics, for its commits."),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the result here.")]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Write a report here.")]
Lang = Annotated[Language, typer.Option("--lang", help="The report's language.")]
