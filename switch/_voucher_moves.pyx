"""A voucher goes from shard to shard with its value. See `_voucher_moves.pyi`.

Owns its moves and what the register keeps of it. Why and when: `switch.voucher_travel`.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from switch._core cimport Core
from switch._plan cimport NO_SLOT, Moment, Plan, moment_at
from switch._register cimport (
    CLUB_COUNTS, CLUB_FLOAT, CLUB_POINTS_ISSUED, HANDED_OVER, NOT_REDEEMED, Card, Club, Voucher,
    find_voucher,
)
from switch._shard cimport Shard
from switch._vouchers cimport fault_of
from switch.ledger._book cimport (
    MOVE_DONE, Move, book_apply, book_spend, book_spendable,
)
from switch.ledger._rows cimport row_clear


cdef Voucher *voucher_of(Core core, int64_t card) except NULL:
    cdef Shard *shard = &core.shard
    assert 0 <= card < shard.register.card_count and shard.register.cards[card].voucher >= 0
    return &shard.register.vouchers[shard.register.cards[card].voucher]


def find(Core core, bytes digest):
    """Give the card of the voucher with this digest, or None."""
    cdef int64_t row
    assert len(digest) == 32
    row = find_voucher(&core.shard.register, <const uint8_t *> PyBytes_AS_STRING(digest))
    return None if row < 0 else core.shard.register.vouchers[row].card


def fault(Core core, int64_t card, int32_t programme, int64_t now_us, int32_t utc_offset_s):
    """Say why a voucher gives nothing now; None: it does."""
    cdef Moment now
    cdef const char *why
    moment_at(&now, now_us, utc_offset_s)
    why = fault_of(&core.shard, voucher_of(core, card), programme, &now)
    return None if why == NULL else (<bytes> why).decode("ascii")


def hop(Core core, int64_t card):
    """Give how often a voucher has gone from shard to shard, as far as is known here."""
    return voucher_of(core, card).hop


def worth(Core core, int64_t card):
    """Give what a till takes for a voucher, and its points."""
    cdef const Voucher *voucher = voucher_of(core, card)
    return voucher.price_minor, voucher.points


def note(Core core, int64_t card, int64_t hop, *, bint here):
    """Keep where a voucher is: here, to be redeemed, or in another shard."""
    cdef Voucher *voucher = voucher_of(core, card)
    voucher.hop = hop
    voucher.redeemed_by = NOT_REDEEMED if here else HANDED_OVER


def move_out(Core core, int64_t card, int64_t now_us, int32_t utc_offset_s):
    """Let a voucher's value leave for the club's accounts; gives the second of its end."""
    cdef Shard *shard = &core.shard
    cdef const Card *row = &shard.register.cards[card]
    cdef const Plan *plan = &shard.plans[row.programme_row]
    cdef const Club *club = &shard.register.clubs[plan.club_row]
    cdef Moment now
    cdef int fault
    cdef uint8_t slot
    moment_at(&now, now_us, utc_offset_s)
    voucher_of(core, card)
    row_clear(&core.decision.row)
    core.decision.row.move_count = 0
    for slot, target in ((plan.vouchers.money_slot, CLUB_FLOAT),
                         (plan.vouchers.points_slot, CLUB_POINTS_ISSUED)):
        if slot == NO_SLOT:
            continue
        value = book_spendable(&shard.book, row.accounts + slot, now.unix_s)
        if value > 0:
            fault = book_spend(&shard.book, row.accounts + slot, club.accounts + <int> target,
                               value, now.unix_s, False, core.decision.row.moves,
                               &core.decision.row.move_count)
            assert fault == MOVE_DONE, fault
    assert core.decision.row.move_count > 0
    return core.decision.row.moves[0].expires_at


def move_in(Core core, int64_t card, int64_t ends_s):
    """Let a voucher have what it is worth from the club's accounts, until a second; 0 = for ever.

    Nothing says that it is sold where it has never been: that comes with it.
    """
    cdef Shard *shard = &core.shard
    cdef const Card *row = &shard.register.cards[card]
    cdef const Plan *plan = &shard.plans[row.programme_row]
    cdef const Club *club = &shard.register.clubs[plan.club_row]
    cdef const Voucher *voucher = voucher_of(core, card)
    row_clear(&core.decision.row)
    core.decision.row.move_count = 0
    if shard.book.accounts[row.accounts + plan.vouchers.sold_slot].balance == 0:
        put(core, club.accounts + CLUB_COUNTS, row.accounts + plan.vouchers.sold_slot, 1, ends_s)
    if voucher.points:
        put(core, club.accounts + CLUB_POINTS_ISSUED, row.accounts + plan.vouchers.points_slot,
            voucher.points, ends_s)
    else:
        put(core, club.accounts + CLUB_FLOAT, row.accounts + plan.vouchers.money_slot,
            voucher.price_minor, ends_s)


cdef int put(Core core, int64_t source, int64_t target, int64_t value, int64_t ends_s) except -1:
    cdef Move move
    cdef int fault
    move.from_account = source
    move.to_account = target
    move.amount = value
    move.lot = (core.shard.last_seq + 1) * 16 + core.decision.row.move_count
    move.available_at = 0
    move.expires_at = <uint32_t> ends_s
    fault = book_apply(&core.shard.book, &move, True)
    assert fault == MOVE_DONE, fault
    core.decision.row.moves[core.decision.row.move_count] = move
    core.decision.row.move_count += 1
    return 0


def plan_row_of(Core core, int64_t card):
    """Give the row of a voucher's programme."""
    voucher_of(core, card)
    return core.shard.register.cards[card].programme_row
