"""What a snapshot has of a directory, as data.

Owns the shape, and what a dump of an older version lacks. Must not know what a shard does with it.
"""

import msgspec

from switch.budget_accounts import BudgetBook
from switch.events import (
    AcquirerAdded,
    ClockProgress,
    ClubAdded,
    DerivationKeySet,
    HolidaysSet,
    IssuerKeysSet,
    MerchantAdded,
    OrganisationAdded,
    TerminalAdded,
    TerminalKeysSet,
    VoucherHandedOver,
)
from switch.issuer_debts import Asked, Debt
from switch.machine import Layout
from switch.programme import Programme
from switch.versions import Step, Version


class Dump(msgspec.Struct, frozen=True, kw_only=True):
    """A directory as data. A field that came later has a default: older snapshots have none."""

    clubs: list[ClubAdded]
    acquirers: list[AcquirerAdded]
    merchants: list[MerchantAdded]
    terminals: list[TerminalAdded]
    programmes: list[Programme]
    programme_seqs: dict[int, int]
    organisations: list[OrganisationAdded] = []
    organisation_accounts: list[int] = []
    holidays: list[HolidaysSet] = []
    clock: list[ClockProgress] = []
    versions: list[Version] = []
    layouts: dict[int, Layout] = {}
    budgets: list[BudgetBook] = []
    issuer_keys: list[IssuerKeysSet] = []
    derivation_keys: list[DerivationKeySet] = []
    terminal_keys: list[TerminalKeysSet] = []
    questions: list[Asked] = []
    debts: list[Debt] = []
    travelling: dict[int, VoucherHandedOver] = {}


def live_before(found: Dump) -> list[Version]:
    """Give the versions that a dump of before there were versions takes for granted."""
    known = {one.definition.programme for one in found.versions}
    step = Step(state="live", by="", at_s=0)
    return [
        Version(definition=definition, steps=(step,))
        for definition in found.programmes
        if definition.programme not in known
    ]
