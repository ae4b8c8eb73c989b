"""Vouchers and their PINs. See `_vouchers.pxd`."""

from libc.stdint cimport int64_t, uint8_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy

from switch._exchanges cimport detail_moves
from switch._plan cimport NO_SLOT, Plan, VoucherRules
from switch._proofs cimport check_voucher_pin
from switch._register cimport DIGEST_BYTES, HANDED_OVER, NOT_REDEEMED, Tries, Voucher, find_voucher
from switch._shard cimport (
    DECIDED, ROW_EVENT_BYTES_MAX, SEEK_VOUCHER, SOUGHT_EVERYWHERE, SOUGHT_IN_PART, has_expired,
)
from switch._words cimport (
    ACTIVATION, CARD_ACTIVE, INSUFFICIENT_FUNDS, INSUFFICIENT_POINTS, LEDGER_UNAVAILABLE,
    OPERATION_NOT_ALLOWED, REASON_NONE, VOUCHER_PRICE_IS_ANOTHER, VOUCHER_REDEEMED,
    VOUCHER_REDEMPTION, VOUCHER_REFUSED, VOUCHER_TRIES_EXCEEDED,
)
from switch.ledger._book cimport (
    LOTS_NOT_KEPT, OWNER_CARD, Account, Lot, Move, book_spendable, is_open,
)

cdef const char *GOOD = NULL


cdef inline int32_t tries_of(const Tries *tries, int32_t business_day) noexcept nogil:
    """Wrong PINs of this day. A day never goes back, as with the card's limits."""
    return tries.count if tries.day >= business_day else 0


cdef bint may_try(const Shard *shard, const Card *card, const Terminal *terminal,
                  int32_t business_day) noexcept nogil:
    """Has neither the card nor the terminal shown too many wrong PINs on this day?"""
    cdef const VoucherRules *rules = &shard.plans[card.programme_row].vouchers
    return (tries_of(&card.voucher_tries, business_day) < rules.tries_max
            and tries_of(&terminal.voucher_tries, business_day) < rules.terminal_tries_max)


cdef bint is_sold(const Shard *shard, const Account *account, const Moment *now,
                  bint *ended) noexcept nogil:
    """Does the counter of a voucher's sale say that it is sold, and its time not over?"""
    cdef const Lot *lot
    cdef int32_t at = account.lots
    ended[0] = False
    while at >= 0:
        lot = &shard.book.lots[at]
        if lot.remaining > 0 and is_open(lot, now.unix_s):
            return True
        ended[0] = ended[0] or lot.remaining > 0
        at = lot.next
    return False


cdef int64_t value_left(const Shard *shard, const Card *card, uint8_t slot,
                        const Moment *now) noexcept nogil:
    return 0 if slot == NO_SLOT else book_spendable(&shard.book, card.accounts + slot, now.unix_s)


cdef const char *fault_of(const Shard *shard, const Voucher *voucher, int32_t programme,
                          const Moment *now) noexcept nogil:
    """Why a voucher gives nothing now, in a word for the journal; NULL = it does."""
    cdef const Card *card = &shard.register.cards[voucher.card]
    cdef const Plan *plan = &shard.plans[card.programme_row]
    cdef bint ended
    if plan.programme != programme:
        return b"of another programme"
    if card.status != CARD_ACTIVE:
        return b"void"
    if voucher.redeemed_by == HANDED_OVER:
        return b"elsewhere"
    if voucher.redeemed_by != NOT_REDEEMED:
        return b"redeemed"
    if has_expired(card, now):
        return b"expired"
    if not is_sold(shard, &shard.book.accounts[card.accounts + plan.vouchers.sold_slot], now,
                   &ended):
        return b"expired" if ended else b"not sold"
    if (value_left(shard, card, plan.vouchers.money_slot, now) <= 0
            and value_left(shard, card, plan.vouchers.points_slot, now) <= 0):
        return b"expired"
    return GOOD


cdef inline bint is_elsewhere(const Shard *shard, int64_t voucher) noexcept nogil:
    return voucher < 0 or shard.register.vouchers[voucher].redeemed_by == HANDED_OVER


cdef int seek(const Request *request, const uint8_t *digest, Decision *decision) noexcept nogil:
    """Have the other shards asked for a voucher. A Reason: not all of them are there."""
    if request.recall.sought == SOUGHT_IN_PART:
        return LEDGER_UNAVAILABLE       # perhaps it is good: nobody has looked at it
    decision.status = SEEK_VOUCHER
    memcpy(decision.seek, digest, DIGEST_BYTES)
    return REASON_NONE


cdef void tell_journal(Shard *shard, const char *why, Decision *decision) noexcept nogil:
    """Write into the row which voucher it was, and what the terminal is not told."""
    cdef int count = snprintf(
        shard.row_event, ROW_EVENT_BYTES_MAX,
        b'{"type":"voucher_refused","voucher":%lld,"why":"%s"}',
        <long long> shard.register.vouchers[decision.voucher].card, why)
    decision.row.event = <const uint8_t *> shard.row_event
    decision.row.event_bytes = <size_t> count


cdef int find_the_voucher(Shard *shard, const Request *request, const Moment *now,
                          Decision *decision) noexcept nogil:
    """Which voucher does the card's holder have the PIN of? A Reason, or PROVE_FIRST.

    Tries are counted by rows: of a hundred at once, each is decided after the one before it, so
    what the HSM has said of those beyond the bound is not looked at.
    """
    cdef const Card *card = &shard.register.cards[decision.row.card]
    cdef const Plan *plan = &shard.plans[decision.plan_row]
    cdef const Voucher *voucher
    cdef const char *why
    cdef int reason
    if plan.entry[<int> VOUCHER_REDEMPTION] < 0 or plan.vouchers.programme == 0:
        return OPERATION_NOT_ALLOWED
    if not may_try(shard, card, &shard.register.terminals[decision.row.terminal],
                   decision.row.business_day):
        return VOUCHER_TRIES_EXCEEDED
    reason = check_voucher_pin(shard, request, now, decision)
    if reason != REASON_NONE or decision.status != DECIDED:
        return reason
    decision.voucher = find_voucher(&shard.register, request.recall.verdict.voucher)
    if shard.shard_count > 1 and is_elsewhere(shard, decision.voucher):
        if request.recall.sought != SOUGHT_EVERYWHERE:
            return seek(request, request.recall.verdict.voucher, decision)
    if decision.voucher < 0:
        return VOUCHER_REFUSED
    voucher = &shard.register.vouchers[decision.voucher]
    why = fault_of(shard, voucher, plan.vouchers.programme, now)
    if why == GOOD:
        return REASON_NONE
    tell_journal(shard, why, decision)
    if voucher.redeemed_by == decision.row.card:
        return VOUCHER_REDEEMED         # who got it may know: he has shown the PIN before
    return VOUCHER_REFUSED


cdef bint is_still_there(const Shard *shard, const Move *move, const Moment *now) noexcept nogil:
    """Is what a move gave a card still there to be spent, and so to be taken back?

    What has ended is not, swept or not; nor what only stands against what the card owes.
    """
    cdef const Account *account = &shard.book.accounts[move.to_account]
    cdef const Lot *lot
    cdef int32_t at = account.lots
    if book_spendable(&shard.book, move.to_account, now.unix_s) < move.amount:
        return False
    if at == LOTS_NOT_KEPT:
        return True
    while at >= 0:
        lot = &shard.book.lots[at]
        if lot.lot == move.lot:
            return lot.remaining >= move.amount and is_open(lot, now.unix_s)
        at = lot.next
    return False


cdef int check_undoable(const Shard *shard, const Request *request, const Exchange *original,
                        const Moment *now, Decision *decision) noexcept nogil:
    """May a sale or a redemption of a voucher be undone? A Reason; the details are known.

    Of a sale SEEK_VOUCHER in the status, when the voucher has gone to another shard.

    Others leave a card below zero, who then owes it. A voucher's PIN is worth its value again to
    whoever has it, and a card that owes may be thrown away: so what was used stays used.
    """
    cdef const Plan *plan
    cdef const Move *moves
    cdef const Account *account
    cdef int64_t voucher
    cdef int32_t i
    if original.operation != VOUCHER_REDEMPTION and original.operation != ACTIVATION:
        return REASON_NONE
    plan = &shard.plans[shard.register.cards[original.card].programme_row]
    if original.operation == ACTIVATION and not plan.vouchers.are_vouchers:
        return REASON_NONE
    if request.replacement_minor > 0:
        return VOUCHER_PRICE_IS_ANOTHER         # wholly, or not at all
    voucher = shard.register.cards[original.card].voucher
    if (original.operation == ACTIVATION and shard.shard_count > 1 and is_elsewhere(shard, voucher)
            and voucher >= 0 and request.recall.sought != SOUGHT_EVERYWHERE):
        return seek(request, shard.register.vouchers[voucher].digest, decision)
    moves = detail_moves(&shard.exchanges, original)
    for i in range(original.move_count):
        account = &shard.book.accounts[moves[i].to_account]
        if (account.owner_kind != OWNER_CARD or account.owner != original.card
                or is_still_there(shard, &moves[i], now)):
            continue
        if original.operation == ACTIVATION:
            return VOUCHER_REDEEMED
        return INSUFFICIENT_POINTS if plan.slots[account.slot].unit == 1 else INSUFFICIENT_FUNDS
    return REASON_NONE
