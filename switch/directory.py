"""What events do to a shard, and the names that the compiled core has no use for.

Owns the one place where an event takes effect, live and on replay. Must not know where events come
from.
"""

from array import array
from collections.abc import Collection

import msgspec

from switch._core import Core
from switch._hosts import set_host, take_row_events
from switch._plan_loading import link_cards, set_holidays, set_plan
from switch._pricing import name_pricing
from switch._security import (
    add_vouchers,
    reset_key_counter,
    set_derivation_key,
    set_issuer_keys,
    set_pin_values,
    set_policy,
    set_terminal_keys,
)
from switch.budget_accounts import BudgetAccounts
from switch.card_changes import change_card
from switch.card_columns import columns_of
from switch.directory_dump import DirectoryDump, live_before
from switch.events import (
    AcquirerAdded,
    BudgetShared,
    CardReissued,
    CardsAdded,
    CardsLinked,
    CardStatusChanged,
    ClockProgress,
    ClubAdded,
    CreditLimitSet,
    DerivationKeySet,
    Event,
    HolidaysSet,
    IssuerAnswered,
    IssuerAsked,
    IssuerKeysSet,
    IssuerTold,
    IssuerUnanswered,
    IssuerUndone,
    KeyCounterReset,
    MerchantAdded,
    MerchantStatusChanged,
    OrganisationAdded,
    PinTriesReset,
    ProgrammeAnnounced,
    ProgrammeApproved,
    ProgrammeChecked,
    ProgrammeDrafted,
    ProgrammeLive,
    ProgrammeRetired,
    TakenOver,
    TerminalAdded,
    TerminalKeysSet,
    TerminalStatusChanged,
    VoucherArrived,
    VoucherHandedOver,
    VoucherReceived,
    VoucherRefused,
    decode_event,
    encode_event,
)
from switch.issuer_debts import IssuerDebts
from switch.key_checks import check_digests, check_issuer_keys
from switch.machine import Layout, lay_out
from switch.notices import NoticeError, expect_true
from switch.operations import JournalKind
from switch.plan import CompiledPlan, compile_plan
from switch.programme import Programme, bins_overlap, broken_promise
from switch.programme_links import (
    check_vouchers,
    funder_of,
    put_voucher_rules,
    rewarded_layout,
    voucher_layout,
)
from switch.units import counts_of, points_of
from switch.versions import VersionError, Versions
from switch.voucher_debts import VoucherDebts

NO_FLOOR = -(1 << 60)
"""Of the purse of another bank's card: it goes below zero by what that bank owes."""

PREFIXES_MAX = 256
"""Of card numbers, of all programmes together: HOST_PREFIXES_MAX of the core."""


class EventError(ValueError):
    """An event that cannot take effect; the text says why. Nothing has changed."""


class Directory:
    """A shard's clubs, acquirers, merchants, terminals and programmes, by the names people use."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.clubs: dict[int, ClubAdded] = {}
        self.holidays: dict[int, HolidaysSet] = {}  # of clubs that keep a table
        self.organisations: dict[int, OrganisationAdded] = {}
        self.organisation_accounts: dict[int, int] = {}
        # How far the newest period of each task of a programme's has got.
        self.clock: dict[tuple[str, int], ClockProgress] = {}
        self.acquirers: dict[int, AcquirerAdded] = {}
        self.merchants: dict[str, MerchantAdded] = {}
        self.merchant_rows: dict[str, int] = {}
        self.terminals: list[TerminalAdded] = []
        self._terminal_rows: dict[tuple[int, str], int] = {}
        self.programmes: dict[int, Programme] = {}
        self.programme_rows: dict[int, int] = {}
        self.programme_seqs: dict[int, int] = {}
        self.versions = Versions()
        self.issuer_keys: dict[int, IssuerKeysSet] = {}
        self.derivation_keys: dict[int, DerivationKeySet] = {}
        # The newest two of each terminal: what holds, and what may still hold beside it.
        self.terminal_keys: dict[int, list[TerminalKeysSet]] = {}
        self._layouts: dict[int, Layout] = {}
        self.issuers = IssuerDebts()
        self.travelling = VoucherDebts()
        self.budgets = BudgetAccounts(core)
        self._pricings: Collection[str] | None = None

    def know_pricings(self, names: Collection[str]) -> None:
        """From here on only these functions price. Raises EventError for a live one without.

        Replay needs no function: its rows say what moved.
        """
        self._pricings = names
        for definition in self.programmes.values():
            self._check_pricing(definition)

    def _check_pricing(self, definition: Programme) -> None:
        if (
            definition.pricing
            and self._pricings is not None
            and definition.pricing not in self._pricings
        ):
            raise EventError(
                f"programme {definition.programme} version {definition.version} is priced by"
                f" {definition.pricing!r}, and there is no such function"
                f" (there are: {', '.join(sorted(self._pricings)) or 'none'})"
            )

    def terminal_of(self, acquirer_code: str, terminal_id: str) -> int | None:
        """Give a terminal's number by its acquirer's code and its own, or None."""
        for event in self.acquirers.values():
            if event.code == acquirer_code:
                return self._terminal_rows.get((event.acquirer, terminal_id))
        return None

    def record(self, event: Event, *, now_us: int, utc_offset_s: int) -> int:
        """Let an event take effect and journal it; gives its sequence. Raises EventError."""
        if isinstance(event, ProgrammeLive | ProgrammeDrafted):
            self._check_pricing(event.definition)
        self.hear()
        try:
            expect_true(event, self.versions, self.merchants, now_us // 1_000_000, utc_offset_s)
        except (NoticeError, VersionError) as error:
            raise EventError(str(error)) from None
        if isinstance(event, BudgetShared):
            self._share_budget(event, now_us // 1_000_000)
        self._apply(event, self._core.last_seq + 1)
        event = self._counted(event)
        kind = JournalKind.TAKEOVER if isinstance(event, TakenOver) else JournalKind.EVENT
        return self._core.journal_event(kind, now_us, utc_offset_s, encode_event(event))

    def _counted(self, event: Event) -> Event:
        """Write down how many accounts an event has opened: whoever reads rows counts by it."""
        match event:
            case CardsAdded():
                accounts = len(self._layouts[event.programme].slots)
            case MerchantAdded():
                accounts = 1 + self.budgets.of_merchant(event.club)
            case ProgrammeLive():
                accounts = self.budgets.opened
            case _:
                return event
        return msgspec.structs.replace(event, accounts=accounts)

    def _share_budget(self, event: BudgetShared, now_s: int | None = None) -> None:
        """Let a budget's shares be these; with a Unix second only see whether they can be."""
        change = self.budgets.share if now_s is None else self.budgets.expect_room
        try:
            change(event, self._live(), now_s or 0)
        except ValueError as error:
            raise EventError(str(error)) from None

    def _live(self) -> dict[int, tuple[int, Programme]]:
        """Give the rows of plans and their programmes."""
        return {
            number: (row, self.programmes[number]) for number, row in self.programme_rows.items()
        }

    def replay(self, seq: int, kind: int, body: bytes) -> None:
        """Let an event of the journal take effect; what `Core.replay` calls."""
        self._apply(decode_event(body), seq)

    def hear(self) -> None:
        """Let events take effect that stand on rows which were decided since the last time.

        Replay brings them with the others; a switch that serves calls this in between.
        """
        for seq, body in take_row_events(self._core):
            self._apply(decode_event(body), seq)

    def _apply(self, event: Event, seq: int) -> None:
        match event:
            case ClubAdded():
                self._add_club(event)
            case OrganisationAdded():
                self._add_organisation(event)
            case HolidaysSet():
                self._set_holidays(event)
            case ClockProgress():
                self.note_progress(event)
            case AcquirerAdded():
                self._add_acquirer(event)
            case MerchantAdded():
                self._add_merchant(event)
            case TerminalAdded():
                self._add_terminal(event)
            case ProgrammeLive():
                self._go_live(event, seq)
            case ProgrammeDrafted() | ProgrammeChecked() | ProgrammeApproved():
                self._take_step(event)
            case ProgrammeAnnounced() | ProgrammeRetired():
                self._take_step(event)
            case CardsAdded():
                self._add_cards(event)
            case BudgetShared():
                self._share_budget(event)
            case CardsLinked():
                self._link_cards(event)
            case IssuerKeysSet():
                self._set_issuer_keys(event)
            case DerivationKeySet():
                self._set_derivation_key(event)
            case TerminalKeysSet():
                self._set_terminal_keys(event)
            case KeyCounterReset():
                self._check_terminal(event.terminal)
                reset_key_counter(self._core, event.terminal, event.used)
            case CardStatusChanged() | CardReissued() | CreditLimitSet() | PinTriesReset():
                try:
                    change_card(self._core, event)
                except ValueError as error:
                    raise EventError(str(error)) from None
            case TerminalStatusChanged():
                self._check_terminal(event.terminal)
                self._core.set_terminal_status(event.terminal, event.blocked)
            case MerchantStatusChanged():
                if not 0 <= event.merchant < len(self.merchants):
                    raise EventError(f"merchant {event.merchant} is not known")
                self._core.set_merchant_status(event.merchant, event.blocked)
            case (
                IssuerAsked()
                | IssuerAnswered()
                | IssuerUnanswered()
                | IssuerUndone()
                | IssuerTold()
            ):
                self.issuers.apply(event, seq)
            case VoucherRefused():
                pass  # for whoever reads the journal: the row has counted the try
            case VoucherHandedOver() | VoucherArrived() | VoucherReceived():
                self.travelling.apply(self._core, event, seq)
            case TakenOver():
                self.issuers.take_over()

    def _check_terminal(self, terminal: int) -> None:
        if not 0 <= terminal < len(self.terminals):
            raise EventError(f"terminal {terminal} is not known")

    def _check_card(self, card: int) -> None:
        if not 0 <= card < self._core.card_count:
            raise EventError(f"card {card} is not known")

    def _add_club(self, event: ClubAdded) -> None:
        if event.club in self.clubs:
            raise EventError(f"club {event.club} is known already")
        self._core.add_club(
            event.club, event.currency, points_of(event.club), counts_of(event.club), event.accounts
        )
        self.clubs[event.club] = event

    def _add_organisation(self, event: OrganisationAdded) -> None:
        if event.organisation in self.organisations or event.club not in self.clubs:
            raise EventError(
                f"organisation {event.organisation}: is known already, or its club is not"
            )
        self.organisation_accounts[event.organisation] = self._core.add_organisation(
            event.organisation, event.club
        )
        self.organisations[event.organisation] = event

    def _set_holidays(self, event: HolidaysSet) -> None:
        if event.club not in self.clubs or list(event.days) != sorted(set(event.days)):
            raise EventError(f"holidays: days in ascending order, of a club; not so {event.club}")
        self.holidays[event.club] = event
        for definition in self.programmes.values():
            self._tell_holidays(definition)

    def _tell_holidays(self, definition: Programme) -> None:
        if (table := self.holidays.get(definition.club)) is not None:
            row = self.programme_rows[definition.programme]
            set_holidays(self._core, row, array("i", table.days), table.weekdays)

    def note_progress(self, event: ClockProgress) -> None:
        """Keep how far clock work has got; its row is written."""
        self.clock[event.task, event.programme] = event

    def layout_of(self, programme: int) -> Layout:
        """Give the accounts that each card of a programme has."""
        return self._layouts[programme]

    def _add_acquirer(self, event: AcquirerAdded) -> None:
        if event.acquirer in self.acquirers:
            raise EventError(f"acquirer {event.acquirer} is known already")
        self._core.add_acquirer(event.acquirer, event.code.encode("ascii"))
        self.acquirers[event.acquirer] = event

    def _add_merchant(self, event: MerchantAdded) -> None:
        if event.merchant_id in self.merchants:
            raise EventError(f"merchant {event.merchant_id} is known already")
        if event.club not in self.clubs:
            raise EventError(f"merchant {event.merchant_id}: club {event.club} is not known")
        row = self._core.add_merchant(event.merchant_id.encode("ascii"), event.club, event.category)
        self.merchants[event.merchant_id] = event
        self.merchant_rows[event.merchant_id] = row
        self.budgets.add_merchant(event.club, self._live())

    def _add_terminal(self, event: TerminalAdded) -> None:
        key = (event.acquirer, event.terminal_id)
        if key in self._terminal_rows:
            raise EventError(f"terminal {event.terminal_id} is known already")
        if event.acquirer not in self.acquirers or event.merchant_id not in self.merchants:
            raise EventError(f"terminal {event.terminal_id}: acquirer or merchant is not known")
        self._terminal_rows[key] = self._core.add_terminal(
            event.terminal_id.encode("ascii"), event.acquirer, event.merchant_id.encode("ascii")
        )
        self.terminals.append(event)

    def _take_step(
        self,
        event: ProgrammeDrafted
        | ProgrammeChecked
        | ProgrammeApproved
        | ProgrammeAnnounced
        | ProgrammeRetired,
    ) -> None:
        """Have a version that is not live take a step, or the live one its last."""
        try:
            match event:
                case ProgrammeDrafted():
                    self._expect_could_decide(event.definition)
                    self.versions.draft(event)
                case ProgrammeChecked():
                    self.versions.check(event)
                case ProgrammeApproved():
                    self.versions.approve(event)
                case ProgrammeAnnounced():
                    self.versions.announce(event)
                case ProgrammeRetired():
                    if self.versions.retire(event):
                        definition = self.programmes[event.programme]
                        seq = self.programme_seqs[event.programme]
                        self._set_plan(definition, seq, retired=True)
        except VersionError as error:
            raise EventError(str(error)) from None

    def _go_live(self, event: ProgrammeLive, seq: int) -> None:
        try:
            self.versions.expect_may_go_live(event.definition)
            self._set_programme(event.definition, seq)
            self.versions.go_live(event)
        except VersionError as error:
            raise EventError(str(error)) from None

    def _set_programme(self, definition: Programme, seq: int) -> None:
        self._expect_could_decide(definition)
        try:
            self.budgets.open(
                definition, self.clubs[definition.club], list(self.merchants.values())
            )
        except ValueError as error:
            raise EventError(f"programme {definition.programme}: {error}") from None
        self._set_plan(definition, seq, retired=False)

    def _expect_could_decide(self, definition: Programme) -> None:
        """Raise EventError for a version that could not follow the live one."""
        name, live = f"programme {definition.programme}", self.programmes.get(definition.programme)
        if live is not None and (
            definition.version <= live.version or definition.club != live.club
        ):
            raise EventError(f"{name}: version {live.version} of club {live.club} is live")
        if definition.club not in self.clubs:
            raise EventError(f"{name}: its club is not known")
        others = [one for one in self.programmes.values() if one.programme != definition.programme]
        for other in others:
            if bins_overlap(other, definition):
                theirs = f"programme {other.programme}'s"
                raise EventError(f"{name}: a prefix of its cards' numbers is {theirs}")
        if sum(len(one.bins) for one in (*others, definition)) > PREFIXES_MAX:
            raise EventError(f"{name}: more than {PREFIXES_MAX} prefixes")
        for earlier in self.versions.that_decided(definition.programme):
            if broken := broken_promise(definition, earlier):
                raise EventError(f"{name}: {broken}")
        if live is not None and (live.host == "") != (definition.host == ""):
            raise EventError(f"{name}: who decides its cards cannot change")
        self._compile(definition, retired=False)

    def _compile(self, definition: Programme, *, retired: bool) -> tuple[Layout, CompiledPlan]:
        """Give a version's accounts and plan. Raises EventError."""
        try:
            layout = lay_out(definition, self._layouts.get(definition.programme))
            linked = rewarded_layout(definition, self.programmes, self._layouts)
            voucher = voucher_layout(definition, self.programmes, self._layouts)
            plan = compile_plan(
                definition, self.merchant_rows, layout, linked, voucher, retired=retired
            )
        except KeyError as error:
            raise EventError(f"programme {definition.programme}: no merchant {error}") from None
        except ValueError as error:
            raise EventError(f"programme {definition.programme}: {error}") from None
        return layout, plan

    def _set_plan(self, definition: Programme, seq: int, *, retired: bool) -> None:
        layout, plan = self._compile(definition, retired=retired)
        try:
            row = set_plan(
                self._core,
                plan,
                programme=definition.programme,
                version=definition.version,
                club=definition.club,
                money_floor=NO_FLOOR if definition.host else definition.money_floor_minor,
                seq=seq,
                organisation=self.organisation_accounts.get(
                    funder_of(definition, self.programmes, self.organisations), -1
                ),
                budgets=self.budgets.of_plan(definition),
            )
        except ValueError as error:
            raise EventError(f"programme {definition.programme}: {error}") from None
        self._layouts[definition.programme] = layout
        name_pricing(self._core, row, definition.pricing)
        set_policy(self._core, row, definition.security)
        put_voucher_rules(self._core, row, definition, layout)
        set_host(self._core, row, remote=bool(definition.host), prefixes=definition.bins)
        self.programmes[definition.programme] = definition
        self.programme_rows[definition.programme] = row
        self.programme_seqs[definition.programme] = seq
        self._tell_holidays(definition)

    def _link_cards(self, event: CardsLinked) -> None:
        """Have guests' cards reward a member's."""
        self._check_card(event.to_card)
        for card in event.cards:
            self._check_card(card)
            programme = self._programme_of(card)
            referral = programme.referral
            if (
                referral is None
                or referral.programme != self._programme_of(event.to_card).programme
            ):
                raise EventError(f"card {card}: its programme rewards no card like {event.to_card}")
        link_cards(self._core, list(event.cards), event.to_card)

    def _programme_of(self, card: int) -> Programme:
        row = self._core.card(card)[2]
        (number,) = (number for number, at in self.programme_rows.items() if at == row)
        return self.programmes[number]

    def _add_cards(self, event: CardsAdded) -> None:
        if event.programme not in self.programme_rows:
            raise EventError(f"cards of programme {event.programme}, which is not known")
        tokens = [event.tokens[at : at + 16] for at in range(0, len(event.tokens), 16)]
        try:
            columns = columns_of(event)
            if len(set(tokens)) != len(tokens) or any(
                self._core.card_of(one) is not None for one in tokens
            ):
                raise ValueError("a card that is known already")
            check_vouchers(self._core, self.programmes[event.programme], event, len(tokens))
            check_digests(self.issuer_keys.get(event.programme), event)
        except ValueError as error:
            raise EventError(str(error)) from None
        first = self._core.add_cards(
            self.programme_rows[event.programme],
            event.tokens,
            columns.expiries,
            columns.first6,
            columns.last4,
        )
        if event.digests:
            add_vouchers(self._core, first, event.digests, event.price_minor, event.points)
        if event.pvvs:
            set_pin_values(self._core, first, columns.pvvs, columns.pvkis)

    def _set_issuer_keys(self, event: IssuerKeysSet) -> None:
        if event.programme not in self.programme_rows:
            raise EventError(f"keys of programme {event.programme}, which is not known")
        try:
            check_issuer_keys(self.issuer_keys.get(event.programme), event)
        except ValueError as error:
            raise EventError(str(error)) from None
        set_issuer_keys(self._core, self.programme_rows[event.programme], event)
        self.issuer_keys[event.programme] = event

    def _set_derivation_key(self, event: DerivationKeySet) -> None:
        if event.acquirer not in self.acquirers:
            raise EventError(f"a key of acquirer {event.acquirer}, which is not known")
        set_derivation_key(self._core, list(self.acquirers).index(event.acquirer), event.key)
        self.derivation_keys[event.acquirer] = event

    def _set_terminal_keys(self, event: TerminalKeysSet) -> None:
        self._check_terminal(event.terminal)
        if event.mac_algorithm and not event.mac:
            raise EventError(f"terminal {event.terminal}: a MAC needs its key")
        set_terminal_keys(self._core, event.terminal, event)
        # As a dump has to say it: what holds, and what may still hold beside it.
        known = self.terminal_keys.get(event.terminal, [])
        before = known[:1] if event.instead_of_newest and len(known) == 2 else known[-1:]
        newest = msgspec.structs.replace(event, instead_of_newest=False)
        self.terminal_keys[event.terminal] = [*before, newest]

    # --- snapshots: the events that make an equal directory, for a core that is loaded as it is ---

    def dump(self) -> bytes:
        """Give what a directory beside a loaded core is rebuilt from."""
        self.hear()
        return msgspec.msgpack.encode(
            DirectoryDump(
                clubs=list(self.clubs.values()),
                organisations=list(self.organisations.values()),
                organisation_accounts=list(self.organisation_accounts.values()),
                holidays=list(self.holidays.values()),
                clock=list(self.clock.values()),
                acquirers=list(self.acquirers.values()),
                merchants=list(self.merchants.values()),
                terminals=self.terminals,
                programmes=list(self.programmes.values()),
                programme_seqs=self.programme_seqs,
                versions=list(self.versions.all()),
                layouts=self._layouts,
                budgets=self.budgets.all(),
                issuer_keys=list(self.issuer_keys.values()),
                derivation_keys=list(self.derivation_keys.values()),
                terminal_keys=[event for both in self.terminal_keys.values() for event in both],
                questions=list(self.issuers.open.values()),
                debts=list(self.issuers.owed.values()),
                travelling=self.travelling.owed,
            )
        )

    def load(self, dump: bytes) -> None:
        """Become the directory that was dumped; the core has its registers and no plans yet."""
        found = msgspec.msgpack.decode(dump, type=DirectoryDump)
        self.clubs = {event.club: event for event in found.clubs}
        self.organisations = {event.organisation: event for event in found.organisations}
        self.organisation_accounts = dict(
            zip(self.organisations, found.organisation_accounts, strict=True)
        )
        self.holidays = {event.club: event for event in found.holidays}
        self.clock = {(event.task, event.programme): event for event in found.clock}
        self.acquirers = {event.acquirer: event for event in found.acquirers}
        self.merchants = {event.merchant_id: event for event in found.merchants}
        self.merchant_rows = {name: row for row, name in enumerate(self.merchants)}
        self.terminals = found.terminals
        self._terminal_rows = {
            (event.acquirer, event.terminal_id): row for row, event in enumerate(found.terminals)
        }
        self._layouts = found.layouts
        self.budgets.load(found.budgets)
        self.versions = Versions((*found.versions, *live_before(found)))
        for definition in found.programmes:
            retired = self.versions.live(definition.programme) is None
            seq = found.programme_seqs[definition.programme]
            self._set_plan(definition, seq, retired=retired)
        for issuer in found.issuer_keys:
            self._set_issuer_keys(issuer)
        for derivation in found.derivation_keys:
            self._set_derivation_key(derivation)
        for terminal in found.terminal_keys:
            self._set_terminal_keys(terminal)
        self.issuers.load(found.questions, found.debts)
        self.travelling.owed = found.travelling
