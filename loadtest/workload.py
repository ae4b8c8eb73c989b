"""What a load is made of, as data: scenarios, how often, with which cards and amounts.

Owns the form of a workload file and its reading (docs/loadtest.md has the reference). Must not know
how a scenario is played, nor how a message looks at any host.
"""

import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from loadtest.errors import LoadtestError

WORKLOADS = Path(__file__).parent / "workloads"
STEPS_MAX = 4
EXPECTED_MAX = 16
SCENARIOS_MAX = 64


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message of a scenario. The first has no `after`; `original` counts steps from 1.

    `part` is the share of the original's amount in percent, drawn between its two ends. `voucher`:
    it is about the scenario's voucher, by its own number, and not about the card.
    """

    kind: str = ""
    repeat: bool = False  # the step before once more, as a repeat
    after: Literal["reply", "timeout", "at once"] = "reply"
    when: Literal["answered", "approved"] = "answered"
    original: int = 1
    part: tuple[int, int] = (100, 100)
    voucher: bool = False
    expect: tuple[str, ...] = ()  # response codes that are right; none: any


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer does. `weight` is of any sum; `amount_minor` and `points` are ranges.

    `pin`: a PIN is sent, the card's own or, with "wrong", another one. `vouchers` is a group of
    the target's, too: each time the next one of it is sold or redeemed.
    """

    name: str
    weight: float
    cards: str = "good"
    vouchers: str = ""
    pin: bool | Literal["wrong"] = False
    amount_minor: tuple[int, int] | None = None
    points: tuple[int, int] = (1000, 1000)
    garbage: Literal["", "body", "frame"] = ""
    step: tuple[Step, ...]


class Workload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mix of scenarios. Exponents are Zipf's: 0 is evenly, 1 has a hot card and a long tail."""

    name: str
    about: str = ""
    amount_minor: tuple[int, int] = (10_000, 500_000)
    amount_unit_minor: int = 1_000
    card_exponent: float = 0.0
    merchant_exponent: float = 0.0
    scenario: tuple[Scenario, ...]


def load_workload(name: str) -> Workload:
    """Read a workload that ships, or a file. Raises `LoadtestError`."""
    path = Path(name) if name.endswith(".toml") else WORKLOADS / f"{name}.toml"
    try:
        workload = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Workload)
    except FileNotFoundError:
        known = ", ".join(workload_names())
        raise LoadtestError(f"no workload {name!r}: a .toml file, or one of {known}") from None
    except OSError as error:
        raise LoadtestError(f"workload {path}: {error.strerror}") from None
    except ValueError as error:
        raise LoadtestError(f"workload {path}: {error}") from None
    problem = _problem(workload)
    if problem:
        raise LoadtestError(f"workload {path}: {problem}")
    return workload


def workload_names() -> list[str]:
    """Give the names of the workloads that ship."""
    return sorted(path.stem for path in WORKLOADS.glob("*.toml"))


def _problem(workload: Workload) -> str:
    """Say what the types cannot: the first thing that is wrong, "" when nothing is."""
    if not any(not scenario.garbage for scenario in workload.scenario):
        return "$.scenario: at least one that is not garbage"
    if len(workload.scenario) > SCENARIOS_MAX:
        return f"$.scenario: {SCENARIOS_MAX} at most"
    if workload.amount_unit_minor < 1:
        return "$.amount_unit_minor: 1 or more"
    if workload.card_exponent < 0 or workload.merchant_exponent < 0:
        return "$: exponents are 0 or more"
    for place, scenario in enumerate(workload.scenario):
        problem = _scenario_problem(scenario, scenario.amount_minor or workload.amount_minor)
        if problem:
            return f"$.scenario[{place}]{problem}"
    return ""


def _scenario_problem(scenario: Scenario, amount_minor: tuple[int, int]) -> str:
    if scenario.weight <= 0:
        return ".weight: above zero"
    if not 0 < amount_minor[0] <= amount_minor[1] < 10**12:
        return ".amount_minor: least and most, 1 to 999999999999"
    if not 0 <= scenario.points[0] <= scenario.points[1] <= 9_999:
        return ".points: least and most, 0 to 9999"
    if not 1 <= len(scenario.step) <= STEPS_MAX:
        return f".step: 1 to {STEPS_MAX}"
    for place, step in enumerate(scenario.step):
        at = f".step[{place}]"
        if bool(step.kind) == step.repeat:
            return f"{at}: a kind, or repeat = true"
        if place == 0 and step.repeat:
            return f"{at}.repeat: there is nothing before it"
        if not 1 <= step.original <= max(1, place):
            return f"{at}.original: a step before it, counted from 1"
        if step.voucher and not scenario.vouchers:
            return f"{at}.voucher: the scenario has no vouchers"
        if scenario.step[step.original - 1].repeat:
            return f"{at}.original: a repeat is not a message of its own"
        if not 1 <= step.part[0] <= step.part[1] <= 100:
            return f"{at}.part: least and most, 1 to 100"
        if len(step.expect) > EXPECTED_MAX or any(not 1 <= len(c) <= 4 for c in step.expect):
            return f"{at}.expect: up to {EXPECTED_MAX} response codes"
    return ""
