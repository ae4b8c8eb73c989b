"""Events: whatever decides an authorisation later, as journal entries.

Owns their shape on the journal's `event` column (JSON, a union tagged by `type`). What an event
does to a shard is `switch.directory`. Fields never change meaning; a new need is a new field with a
default.
"""

from typing import Annotated, Literal

import msgspec

from switch.operations import CardStatus, Operation
from switch.programme import Programme
from switch.units import BPS

MerchantId = Annotated[str, msgspec.Meta(min_length=15, max_length=15)]
SealedKey = Annotated[str, msgspec.Meta(max_length=191, pattern="^[0-9A-Z]*$")]
Bitmap = Annotated[str, msgspec.Meta(pattern="^[0-9A-F]{4}$")]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Person = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
LocalDay = Annotated[int, msgspec.Meta(ge=-1_000_000, le=1_000_000)]
VoucherLabel = Annotated[str, msgspec.Meta(max_length=32, pattern="^[ -~]*$")]
ShareBps = Annotated[int, msgspec.Meta(ge=0, le=BPS)]
TerminalId = Annotated[str, msgspec.Meta(min_length=8, max_length=8)]


CLUB_ACCOUNTS = 10
"""How many accounts a club has that is added today."""


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    pass


class ClubAdded(_Event, frozen=True, kw_only=True, tag="club_added"):
    """A tenant of the switch; its points are a unit of their own.

    `accounts`: how many it has. The default is what the first journals mean.
    """

    club: int
    name: str
    name_fa: str
    currency: int
    accounts: Annotated[int, msgspec.Meta(ge=6, le=10)] = 6


class HolidaysSet(_Event, frozen=True, kw_only=True, tag="holidays_set"):
    """On which days nobody has to pay a club: the whole table, instead of the one before.

    `days`: days since 1970-01-01, in ascending order. Bit 0 of `weekdays` is Saturday; 64 = Friday.
    """

    club: int
    days: Annotated[tuple[LocalDay, ...], msgspec.Meta(max_length=10_000)]
    weekdays: Annotated[int, msgspec.Meta(ge=0, le=126)] = 64


class OrganisationAdded(_Event, frozen=True, kw_only=True, tag="organisation_added"):
    """An employer or the like that gives members money; it owes what its account is below zero."""

    organisation: Annotated[int, msgspec.Meta(ge=1)]
    club: int
    name: str
    name_fa: str


class AcquirerAdded(_Event, frozen=True, kw_only=True, tag="acquirer_added"):
    """An institution that terminals belong to; `code` is its DE 32."""

    acquirer: int
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=11, pattern="^[0-9]+$")]
    name: str


class MerchantAdded(_Event, frozen=True, kw_only=True, tag="merchant_added"):
    """A shop of a club; `category` is its merchant category code."""

    merchant_id: MerchantId
    club: int
    category: int
    name: str
    name_fa: str
    accounts: int = 1  # its own, and one for each budget of merchants: written when it takes effect


class TerminalAdded(_Event, frozen=True, kw_only=True, tag="terminal_added"):
    """A terminal of an acquirer in a shop."""

    terminal_id: TerminalId
    acquirer: int
    merchant_id: MerchantId


class ProgrammeLive(_Event, frozen=True, kw_only=True, tag="programme_live"):
    """A version of a programme decides from here on; `by` is empty when it was the clock."""

    definition: Programme
    by: str = ""
    at_s: int = 0  # Unix second
    accounts: int = 0  # that its new budgets opened: written when it takes effect


class ProgrammeDrafted(_Event, frozen=True, kw_only=True, tag="programme_drafted"):
    """A version is proposed. What comes of it is `switch.versions`'."""

    definition: Programme
    by: Person
    at_s: int


class ProgrammeChecked(_Event, frozen=True, kw_only=True, tag="programme_checked"):
    """The checks of a draft have found nothing against it; `digest` is its definition's.

    `over`: the version that it was compared with; 0 = none was live. `notice_days`: how long before
    it is live it has to be announced, as it may take something away.
    """

    programme: int
    version: int
    digest: Digest
    over: int
    notice_days: int
    by: Person
    at_s: int


class ProgrammeApproved(_Event, frozen=True, kw_only=True, tag="programme_approved"):
    """A second person wants a version to be live."""

    programme: int
    version: int
    digest: Digest
    by: Person
    at_s: int


class ProgrammeAnnounced(_Event, frozen=True, kw_only=True, tag="programme_announced"):
    """Members are told what changes at `live_at_s`; then the version goes live by itself.

    `live_day`: the local day that begins then, in days since 1970-01-01.
    """

    programme: int
    version: int
    digest: Digest
    live_day: int
    live_at_s: int
    text_en: str
    text_fa: str
    by: Person
    at_s: int


class ProgrammeRetired(_Event, frozen=True, kw_only=True, tag="programme_retired"):
    """A version is no more: the live one's cards buy nothing, another one never goes live."""

    programme: int
    version: int
    by: Person
    at_s: int
    why: str = ""


class CardsAdded(_Event, frozen=True, kw_only=True, tag="cards_added"):
    """Cards of a programme, in parallel arrays of little-endian numbers (base64 in the journal).

    `tokens`: 16 bytes each; `expiries`: YYMM, 2 bytes; `first6`: 4 bytes; `last4`: 2 bytes.
    """

    programme: int
    tokens: bytes
    expiries: bytes
    first6: bytes
    last4: bytes
    accounts: int = 4  # of each card: written down when the event takes effect
    pvvs: bytes = b""  # PIN verification values: 2 bytes each, 65535 = none; or empty
    pvkis: bytes = b""  # which PIN verification key: 1 byte each; or empty
    # Of vouchers, whose programme says that its cards are such; all of one worth.
    digests: bytes = b""  # of their PINs, by the HSM: 32 bytes each; or empty
    price_minor: Annotated[int, msgspec.Meta(ge=0, le=999_999_999_999)] = 0  # what a till takes
    points: Annotated[int, msgspec.Meta(ge=0, le=999_999_999_999)] = 0  # 0: it is worth its price
    batch: Annotated[str, msgspec.Meta(max_length=32)] = ""  # as whoever made them calls them
    digest_key: int = 0  # what the digests were made with: `IssuerKeysSet.voucher_key`
    digest_label: VoucherLabel = ""  # and `voucher_label`


class BudgetShared(_Event, frozen=True, kw_only=True, tag="budget_shared"):
    """How a budget of a club is shared among the shards from here on, in basis points.

    One number for each shard, together no more than the whole. Every shard gets the same event.
    """

    club: int
    budget: str
    shares_bps: Annotated[tuple[ShareBps, ...], msgspec.Meta(min_length=1, max_length=64)]

    def __post_init__(self) -> None:
        """Raise ValueError for more than there is."""
        if sum(self.shares_bps) > BPS:
            raise ValueError("shares: together at most 10000 basis points")


class CreditLimitSet(_Event, frozen=True, kw_only=True, tag="credit_limit_set"):
    """How far a card's credit goes from here on; `card` is its number."""

    card: int
    limit_minor: Annotated[int, msgspec.Meta(ge=0, le=999_999_999_999)]
    why: str = ""


class CardReissued(_Event, frozen=True, kw_only=True, tag="card_reissued"):
    """A card has a later date under its number, YYMM; `card` is its number.

    `new_chip`: its chip begins to count transactions, so numbers that the old one used are good.
    """

    card: int
    expires_yymm: Annotated[int, msgspec.Meta(ge=1, le=9912)]
    new_chip: bool = False
    why: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for a month that there is not."""
        if not 1 <= self.expires_yymm % 100 <= 12:
            raise ValueError("expires_yymm: no month")


class CardsLinked(_Event, frozen=True, kw_only=True, tag="cards_linked"):
    """Guests' cards reward a member's card from here on. Numbers of cards, all of one shard."""

    cards: Annotated[tuple[int, ...], msgspec.Meta(min_length=1, max_length=10_000)]
    to_card: int


class PinTriesReset(_Event, frozen=True, kw_only=True, tag="pin_tries_reset"):
    """Wrong PINs of a card are counted anew; `card` is its number."""

    card: int
    why: str = ""


class IssuerKeysSet(_Event, frozen=True, kw_only=True, tag="issuer_keys_set"):
    """A programme's keys, each as the HSM takes it: under its own master key. Empty = none.

    `code_at`: digits between service code and card code on track 2 (PVKI and PVV are 5).
    `dynamic_code` makes the codes (CVC3) of contactless cards in stripe mode. Where track 2 has
    them is said as on the chip: bitmaps of its last 16 digits, the lowest bit the last digit, for
    the code (9F65) and for ATC and unpredictable number (9F66), and how many digits of these are
    the ATC's (9F67). The last digit of all tells how many are the unpredictable number's.
    """

    programme: int
    pin_verification: SealedKey = ""
    card_code: SealedKey = ""
    cryptogram: SealedKey = ""
    dynamic_code: SealedKey = ""
    code_at: Annotated[int, msgspec.Meta(ge=0, le=12)] = 5
    pcvc3_track2: Bitmap = "1F00"
    punatc_track2: Bitmap = "00FE"
    natc_track2: Annotated[int, msgspec.Meta(ge=1, le=5)] = 3
    zone_pin: SealedKey = ""  # ZPK, shared with the bank whose cards they are
    voucher: SealedKey = ""  # of the digests of its vouchers' PINs
    voucher_key: Annotated[int, msgspec.Meta(ge=0, le=999)] = 0  # its number: never another one's
    voucher_label: VoucherLabel = ""  # of the batches, part of every digest: the product


class DerivationKeySet(_Event, frozen=True, kw_only=True, tag="derivation_key_set"):
    """The base key from which an acquirer's terminals derive a key for each message (DUKPT)."""

    acquirer: int
    key: SealedKey


class TerminalKeysSet(_Event, frozen=True, kw_only=True, tag="terminal_keys_set"):
    """A terminal's master key, session keys, and whether its messages carry a MAC.

    The session keys of before hold for `overlap_seconds`. Those that begin with `told` are the new
    ones under the terminal's master key with their check values: what a key exchange answers.
    `mac_algorithm`: none, `retail` (ISO 9797-1 algorithm 3) or `cmac`.
    """

    terminal: int
    master: SealedKey = ""
    pin: SealedKey = ""
    mac: SealedKey = ""
    mac_algorithm: Literal["", "retail", "cmac"] = ""
    told_pin: SealedKey = ""
    told_mac: SealedKey = ""
    data: SealedKey = ""  # TEK, of vouchers' PINs
    told_data: SealedKey = ""
    at_s: int = 0  # Unix second
    overlap_seconds: int = 0
    instead_of_newest: bool = False  # the newest were never used: those before them hold on


class KeyCounterReset(_Event, frozen=True, kw_only=True, tag="key_counter_reset"):
    """A terminal was loaded with a new initial key (DUKPT): its messages are counted anew.

    Counters up to `used` are taken as used.
    """

    terminal: int
    used: Annotated[int, msgspec.Meta(ge=0, le=0x1FFFFF)] = 0
    why: str = ""


class CardStatusChanged(_Event, frozen=True, kw_only=True, tag="card_status_changed"):
    """A card is blocked, lost, stolen, closed or active again; `card` is its number."""

    card: int
    status: CardStatus
    why: str = ""


class TerminalStatusChanged(_Event, frozen=True, kw_only=True, tag="terminal_status_changed"):
    """A terminal is blocked or active again; `terminal` is its number."""

    terminal: int
    blocked: bool
    why: str = ""


class MerchantStatusChanged(_Event, frozen=True, kw_only=True, tag="merchant_status_changed"):
    """A merchant is blocked or active again; `merchant` is its number."""

    merchant: int
    blocked: bool
    why: str = ""


class IssuerAsked(_Event, frozen=True, kw_only=True, tag="issuer_asked"):
    """A card's own bank is about to be asked: what it may do from here on is ours to undo.

    The row's sequence and `at_s` name the question at the bank (`switch.issuer_debts`). `terminal`
    and `card` are numbers.
    """

    programme: int
    card: int
    operation: Operation
    amount_minor: int
    processing_code: int
    terminal: int
    at_s: int  # Unix second


class IssuerAnswered(_Event, frozen=True, kw_only=True, tag="issuer_answered"):
    """On the row of a message whose bank was asked: what became of the question.

    `approved` stands in the book. `declined` did not happen at the bank. `owed` may have happened
    there and does not stand here: the bank gets a reversal.
    """

    asked: int  # sequence of its `IssuerAsked`
    asked_s: int
    programme: int
    amount_minor: int
    processing_code: int
    terminal: int
    outcome: Literal["approved", "declined", "owed"]


class IssuerUnanswered(_Event, frozen=True, kw_only=True, tag="issuer_unanswered"):
    """A question ended without a row of its message, e.g. because its terminal was gone: owed."""

    asked: int


class IssuerUndone(_Event, frozen=True, kw_only=True, tag="issuer_undone"):
    """On the row of a reversal: its bank has to undo so much of what row `original` says."""

    original: int
    amount_minor: int
    programme: int
    at_s: int  # Unix second


class IssuerTold(_Event, frozen=True, kw_only=True, tag="issuer_told"):
    """The bank has acknowledged a reversal; `debt` is the sequence by which it was owed."""

    debt: int


WhyRefused = Literal["of another programme", "void", "redeemed", "expired", "not sold", "elsewhere"]


class VoucherRefused(_Event, frozen=True, kw_only=True, tag="voucher_refused"):
    """On the row of a message whose PIN was a voucher's: which one, and why it gave nothing.

    Its terminal was told no more than of a PIN that there is not. `voucher` is its card's number.
    """

    voucher: int
    why: WhyRefused


class VoucherHandedOver(_Event, frozen=True, kw_only=True, tag="voucher_handed_over"):
    """With its row's moves a voucher has left for the shard of the card that redeems it.

    Owed to that shard until `VoucherReceived`. `hop`: how often it has gone from shard to shard.
    The rest is what that shard has to know of it.
    """

    voucher: int  # number of its card here
    to_shard: int
    hop: int
    programme: int
    digest: Digest
    expires_yymm: int
    first6: int
    last4: int
    price_minor: int
    points: int
    ends_s: int  # Unix second; 0 = never
    lot: int = 0  # that its value was in, to come back to


class VoucherArrived(_Event, frozen=True, kw_only=True, tag="voucher_arrived"):
    """With its row's moves a voucher is here that row `handed_over` of another shard has let go."""

    voucher: int  # number of its card here
    hop: int
    from_shard: int
    handed_over: int


class VoucherReceived(_Event, frozen=True, kw_only=True, tag="voucher_received"):
    """Row `handed_over` is owed no more: its shard has the voucher."""

    handed_over: int


class TakenOver(_Event, frozen=True, kw_only=True, tag="taken_over"):
    """A process owns the shard from here on: the first row of its tenure."""

    owner: str


class ClockProgress(_Event, frozen=True, kw_only=True, tag="clock_progress"):
    """How far a task of the clock has got: the row's moves took it here.

    `period_day`: the local day that its period begins with (days since 1970-01-01). Cards below
    `next_card` are done; later ones may be added to the end, and are done then.
    """

    task: Annotated[str, msgspec.Meta(min_length=1, max_length=23)]
    programme: int
    period_day: int
    next_card: int


Event = (
    ClubAdded
    | OrganisationAdded
    | HolidaysSet
    | AcquirerAdded
    | MerchantAdded
    | TerminalAdded
    | ProgrammeLive
    | ProgrammeDrafted
    | ProgrammeChecked
    | ProgrammeApproved
    | ProgrammeAnnounced
    | ProgrammeRetired
    | CardsAdded
    | CardReissued
    | CardsLinked
    | BudgetShared
    | CreditLimitSet
    | PinTriesReset
    | IssuerKeysSet
    | DerivationKeySet
    | TerminalKeysSet
    | KeyCounterReset
    | CardStatusChanged
    | TerminalStatusChanged
    | MerchantStatusChanged
    | IssuerAsked
    | IssuerAnswered
    | IssuerUnanswered
    | IssuerUndone
    | IssuerTold
    | ClockProgress
    | VoucherRefused
    | VoucherHandedOver
    | VoucherArrived
    | VoucherReceived
    | TakenOver
)

_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_ENCODER = msgspec.json.Encoder()


def encode_event(event: Event) -> bytes:
    """Give an event as JSON."""
    return _ENCODER.encode(event)


def decode_event(body: bytes) -> Event:
    """Read an event. Raises msgspec.ValidationError."""
    return _DECODER.decode(body)
