"""Clock work over many cards: a slice fills the moves of one journal row. See `_clock.pyi`.

Owns the loops over cards. Must not know when a task is due nor what a programme says: that is
`switch.clock_work`. A slice ends with the row's room or with the cards it may look at; a card whose
moves did not all find room is the next slice's first, and what has moved moves no more.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memset

from switch._core cimport Core
from switch._plan cimport (
    CLOCK_ENTRY_COUNT, CLOCK_LATE, CLOCK_RENEWAL, LOT_KEPT, LOT_MARKS_SHIFT, R_TODAY, SLOTS_MAX,
    Moment, Plan, Run, account_of, moment_at, plan_run_at,
)
from switch._register cimport Card
from switch._shard cimport Shard, has_expired, journal_row
from switch._words cimport (
    CARD_ACTIVE, CARD_STATUS_CLOSED, KIND_CLOCK, MOVES_MAX, REASON_NONE, TOO_MANY_MOVES,
)
from switch.ledger._book cimport (
    MOVE_DONE, MOVE_NO_MEMORY, MOVE_TOO_MANY, Move, book_apply, book_end_all, book_spend_ended,
    book_undo,
)
from switch.ledger._rows cimport Row, row_clear

cdef int64_t KEPT_WHEN_INACTIVE = <int64_t> LOT_KEPT << LOT_MARKS_SHIFT


cdef void end_cards(Shard *shard, Going *going, const Ending *endings, int ending_count,
                    Row *row) noexcept nogil:
    """Let what has ended leave the cards, until the row is full."""
    cdef const Card *card
    cdef const Ending *ending
    cdef int64_t ended = 0
    cdef int i
    while going.next_card < going.end_card:
        card = &shard.register.cards[going.next_card]
        if card.programme_row == going.plan_row and is_concerned(card, going):
            for i in range(ending_count):
                ending = &endings[i]
                if going.used_before_day != UNBOUNDED_DAY or going.good_to_yymm != 0:
                    going.fault = book_end_all(
                        &shard.book, card.accounts + ending.slot, ending.to_account,
                        KEPT_WHEN_INACTIVE if going.good_to_yymm == 0 else 0, row.moves,
                        &row.move_count)
                else:
                    going.fault = book_spend_ended(
                        &shard.book, card.accounts + ending.slot, ending.to_account,
                        going.until_s, ending.owed_too, &ended, row.moves, &row.move_count)
                if going.fault != MOVE_DONE:
                    return
        going.next_card += 1


cdef inline bint is_concerned(const Card *card, const Going *going) noexcept nogil:
    """Was it used, and not since? One that never was has no day to count from. Has it expired?"""
    if going.good_to_yymm != 0 and card.expires_yymm >= going.good_to_yymm:
        return False
    return (going.used_before_day == UNBOUNDED_DAY
            or (card.day != 0 and card.day < going.used_before_day))


cdef void open_cards(Shard *shard, Going *going, Move *opening, uint8_t slot,
                     Row *row) noexcept nogil:
    """Give each card the same lot, until the row is full."""
    cdef const Card *card
    while going.next_card < going.end_card:
        card = &shard.register.cards[going.next_card]
        if card.programme_row == going.plan_row and card.status != CARD_STATUS_CLOSED:
            if row.move_count == MOVES_MAX:
                going.fault = MOVE_TOO_MANY
                return
            opening.to_account = card.accounts + slot
            going.fault = book_apply(&shard.book, opening, True)
            if going.fault != MOVE_DONE:
                return
            row.moves[row.move_count] = opening[0]
            row.move_count += 1
        going.next_card += 1


cdef inline bint may_be_used(const Card *card, const Moment *now) noexcept nogil:
    return card.status == CARD_ACTIVE and not has_expired(card, now)


cdef void run_cards(Shard *shard, Going *going, int entry, const Moment *now,
                    Row *row) noexcept nogil:
    """Have the plan do something with each card, until the row is full.

    What it declines of a card is undone as a whole. But each lot's late charge stands by itself:
    of those that found room none is undone, and the next slice goes on with the same card.
    """
    cdef const Plan *plan = &shard.plans[going.plan_row]
    cdef Run run
    cdef int32_t first
    cdef int reason
    memset(&run, 0, sizeof(Run))
    run.book = &shard.book
    run.club = &shard.register.clubs[plan.club_row]
    run.merchant_row = -1
    run.now = now
    run.spent_s = now.unix_s
    run.moves = row.moves
    run.move_count = &row.move_count
    while going.next_card < going.end_card:
        run.card = &shard.register.cards[going.next_card]
        if run.card.programme_row == going.plan_row and (
                entry != CLOCK_RENEWAL or may_be_used(run.card, now)):
            memset(run.registers, 0, sizeof(run.registers))
            run.registers[R_TODAY] = now.local_day
            run.lot = (shard.last_seq + 1) * LOTS_A_ROW
            first = row.move_count
            reason = plan_run_at(plan, plan.clock_entry[entry], 0, &run)
            if reason == TOO_MANY_MOVES and (entry == CLOCK_LATE or first > 0):
                going.fault = MOVE_TOO_MANY
            if reason != REASON_NONE and entry != CLOCK_LATE:
                while row.move_count > first:
                    row.move_count -= 1
                    book_undo(&shard.book, &row.moves[row.move_count])
            if going.fault != MOVE_DONE:
                return
        going.next_card += 1


cdef int begin(Core core, Going *going, int32_t plan_row, int64_t first_card,
               int64_t cards_max) except -1:
    """Start a slice and an empty row."""
    assert 0 <= plan_row < core.shard.plan_count and first_card >= 0 and cards_max > 0
    memset(going, 0, sizeof(Going))
    going.plan_row = plan_row
    going.next_card = first_card
    going.end_card = min(core.shard.register.card_count, first_card + cards_max)
    going.used_before_day = UNBOUNDED_DAY
    row_clear(&core.decision.row)
    core.decision.row.move_count = 0
    return 0


cdef int64_t resolve(Core core, int32_t plan_row, int reference) except -1:
    """Give the account of a club or an organisation that a task names."""
    cdef const Plan *plan = &core.shard.plans[plan_row]
    cdef Run run
    cdef int64_t account
    memset(&run, 0, sizeof(Run))
    run.club = &core.shard.register.clubs[plan.club_row]
    account = account_of(plan, &run, <uint8_t> reference)
    assert 0 <= account < core.shard.book.account_count
    return account


cdef tuple outcome(Core core, const Going *going):
    if going.fault == MOVE_NO_MEMORY:
        raise MemoryError
    assert going.fault == MOVE_DONE or going.fault == MOVE_TOO_MANY, going.fault
    return going.next_card, core.decision.row.move_count


def end_lots(Core core, int32_t plan_row, endings, *, int64_t first_card, int64_t cards_max,
             int64_t until_s=0, int32_t used_before_day=UNBOUNDED_DAY, int16_t good_to_yymm=0):
    """Let what has ended leave cards. See `_clock.pyi`."""
    cdef Going going
    cdef Ending found[SLOTS_MAX]
    cdef int count = len(endings)
    cdef int i
    assert count <= SLOTS_MAX
    begin(core, &going, plan_row, first_card, cards_max)
    going.until_s = <uint32_t> until_s
    going.used_before_day = used_before_day
    going.good_to_yymm = good_to_yymm
    for i, (slot, reference, owed_too) in enumerate(endings):
        assert 0 <= slot < core.shard.plans[plan_row].slot_count
        found[i].slot = slot
        found[i].owed_too = owed_too
        found[i].to_account = resolve(core, plan_row, reference)
    with nogil:
        end_cards(&core.shard, &going, found, count, &core.decision.row)
    return outcome(core, &going)


def open_lots(Core core, int32_t plan_row, int slot, int reference, *, int64_t amount,
              int64_t until_s, int64_t first_card, int64_t cards_max):
    """Give each card a lot. See `_clock.pyi`."""
    cdef Going going
    cdef Move opening
    begin(core, &going, plan_row, first_card, cards_max)
    assert 0 <= slot < core.shard.plans[plan_row].slot_count and amount > 0
    opening.from_account = resolve(core, plan_row, reference)
    opening.amount = amount
    opening.lot = (core.shard.last_seq + 1) * 16
    opening.available_at = 0
    opening.expires_at = <uint32_t> until_s
    with nogil:
        open_cards(&core.shard, &going, &opening, <uint8_t> slot, &core.decision.row)
    return outcome(core, &going)


def run_steps(Core core, int32_t plan_row, int entry, *, int64_t now_us, int32_t utc_offset_s,
              int64_t first_card, int64_t cards_max):
    """Have a plan's steps work on each card. See `_clock.pyi`."""
    cdef Going going
    cdef Moment now
    begin(core, &going, plan_row, first_card, cards_max)
    assert 0 <= entry < CLOCK_ENTRY_COUNT and core.shard.plans[plan_row].clock_entry[entry] >= 0
    moment_at(&now, now_us, utc_offset_s)
    with nogil:
        run_cards(&core.shard, &going, entry, &now, &core.decision.row)
    return outcome(core, &going)


def write_row(Core core, int32_t plan_row, int64_t now_us, int32_t utc_offset_s, bytes body, *,
              int kind=KIND_CLOCK):
    """Journal the moves of the slice before. See `_clock.pyi`."""
    cdef Row *row = &core.decision.row
    cdef const Plan *plan = &core.shard.plans[plan_row]
    cdef Moment now
    cdef int32_t moves = row.move_count
    assert moves > 0
    moment_at(&now, now_us, utc_offset_s)
    row_clear(row)
    row.move_count = moves
    row.kind = <int16_t> kind
    row.business_day = now.local_day
    row.received_us = row.decided_us = now_us
    row.club = core.shard.register.clubs[plan.club_row].club
    row.programme = plan.programme
    row.programme_version = plan.version
    row.event = <const uint8_t *> PyBytes_AS_STRING(body)
    row.event_bytes = <size_t> len(body)
    if journal_row(&core.shard, row) != 0:
        raise MemoryError
    return row.seq
