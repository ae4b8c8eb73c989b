"""`bashgah loadtest ceiling`: what the generator itself can do, against an echo server in C."""

from typing import Annotated

import msgspec
import typer

from loadtest.ceiling import measure_ceiling


def command(
    seconds: Annotated[float, typer.Option(min=0.1, help="For each case.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list instead.")] = False,
) -> None:
    """Measure the generator against a server that only sends back what it gets."""
    cases = measure_ceiling(seconds)
    if as_json:
        print(msgspec.json.encode(cases).decode())
        return
    for case in cases:
        print(
            f"{case.name}: {case.connections:,} x {case.window} outstanding: "
            f"{case.answered_per_second:,.0f}/s, generator's CPU a message: "
            f"{case.cpu_us:.2f} us ({case.user_us:.2f} user, {case.system_us:.2f} system), "
            f"faults {case.faults}"
        )
