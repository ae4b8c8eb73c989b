"""The replay lab's loop over a stream of history, and what it found. See `_lab.pyi`.

Owns the second book (what happened) beside the core's (the draft's), the figures' memory, and the
lots that end or open by the draft. Must not know what an event or a task means (`switch.lab`).
"""

from array import array

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from switch._core cimport Core
from switch._core import JournalBroken
from switch._lab_rows cimport (
    CARDS_A_BLOCK, DRAFTED, HAPPENED, LAB_CLOCK, LAB_DONE, LAB_EVENT, LAB_MONTHS_MAX,
    LAB_NO_MEMORY, LAB_OFFSETS_MAX, LAB_RULES_MAX, Kept, Replay, credit, is_ours, lab_remember,
    lab_row, month_at, move_ours, offset_at,
)
from switch._lab_sums cimport SUM_COUNT, add_moves, add_sums
from switch._index cimport hash_word
from switch._plan cimport LOT_KEPT, LOT_MARKS_SHIFT, Plan
from switch._register cimport Card
from switch._words cimport CARD_STATUS_CLOSED, KIND_CLOCK, KIND_EVENT
from switch.ledger._book cimport (
    LOTS_NONE, LOTS_NOT_KEPT, MOVE_DONE, MOVE_TOO_MANY, Account, Book, Lot, Move, book_apply,
    book_clear, book_end_all, book_spend_ended, is_open,
)
from switch.ledger._rows cimport (
    ROW_END, ROW_NEEDS_MORE, ROW_READ, Row, row_next, stream_skip_header,
)

cimport cython

cdef int64_t KEPT_WHEN_INACTIVE = <int64_t> LOT_KEPT << LOT_MARKS_SHIFT

cdef enum:
    SECONDS_A_DAY = 86400
    NO_DAY = -2147483648


cdef int copy_book(Book *into, const Book *book) except -1:
    """Let a book be another's equal."""
    memset(into, 0, sizeof(Book))
    into.lot_free = -1
    into.accounts = <Account *> malloc(<size_t> (book.account_count + 1) * sizeof(Account))
    into.lots = <Lot *> malloc(<size_t> (book.lot_count + 1) * sizeof(Lot))
    if into.accounts == NULL or into.lots == NULL:
        book_clear(into)
        raise MemoryError
    memcpy(into.accounts, book.accounts, <size_t> book.account_count * sizeof(Account))
    memcpy(into.lots, book.lots, <size_t> book.lot_count * sizeof(Lot))
    into.account_count = book.account_count
    into.account_capacity = book.account_count + 1
    into.lot_count = book.lot_count
    into.lot_capacity = book.lot_count + 1
    into.lot_free = book.lot_free
    into.lots_open = book.lots_open
    return 0


cdef void *grown(void *old, int64_t old_count, int64_t count, size_t each) except NULL:
    """Give more room, zero where it is new."""
    cdef char *found = <char *> realloc(old, <size_t> count * each)
    if found == NULL:
        raise MemoryError
    memset(found + <size_t> old_count * each, 0, <size_t> (count - old_count) * each)
    return found


@cython.final
cdef class Lab:
    """One worker's part of a replay. See `_lab.pyi`."""

    cdef Core core
    cdef Replay replay
    cdef bytearray rest
    cdef bint begun
    cdef readonly bint wants_days
    cdef int32_t day

    def __cinit__(self, Core core, *, int32_t programme, list month_days, list offsets):
        cdef Replay *replay = &self.replay
        cdef int32_t at
        memset(replay, 0, sizeof(Replay))
        replay.kept_mask = -1
        if not 0 < len(month_days) <= LAB_MONTHS_MAX or not 0 < len(offsets) <= LAB_OFFSETS_MAX:
            raise ValueError("too many months or changes of the clocks")
        copy_book(&replay.before, &core.shard.book)
        self.core = core
        replay.shard = &core.shard
        replay.decision = &core.decision
        replay.programme = programme
        replay.plan_row = -1
        replay.worker_count = 1
        for at in range(len(month_days)):
            replay.month_days[at] = month_days[at]
        replay.month_count = len(month_days)
        for at in range(len(offsets)):
            replay.offset_from_s[at], replay.offsets_s[at] = offsets[at]
        replay.offset_count = len(offsets)
        for at in range(2):
            replay.worlds[at].months = <int64_t *> calloc(
                LAB_MONTHS_MAX * SUM_COUNT, sizeof(int64_t))
            if replay.worlds[at].months == NULL:
                raise MemoryError
        self.rest = bytearray()
        self.day = NO_DAY
        self.follow()

    def __dealloc__(self):
        cdef Replay *replay = &self.replay
        cdef int world
        book_clear(&replay.before)
        for world in range(2):
            free(replay.worlds[world].months)
            free(replay.worlds[world].merchants)
            free(replay.worlds[world].card_minor)
            free(replay.worlds[world].card_points)
        free(replay.card_sales)
        free(replay.card_purchases)
        free(replay.card_day)
        free(replay.kept)
        free(replay.kept_seqs)
        free(replay.moves)

    def set_worker(self, int32_t worker, int32_t worker_count):
        """Say whose cards are this one's."""
        assert 0 <= worker < worker_count
        self.replay.worker = worker
        self.replay.worker_count = worker_count

    def set_plan(self, int32_t plan_row, *, bint wants_days):
        """Have the cards of that plan decided again by it; see `_lab.pyi`."""
        assert 0 <= plan_row < self.core.shard.plan_count
        self.replay.plan_row = plan_row
        self.wants_days = wants_days

    def follow(self):
        """Have what events added to the core in the other book, too, and in the figures."""
        cdef Replay *replay = &self.replay
        cdef const Book *book = &self.core.shard.book
        cdef Book *before = &replay.before
        cdef int64_t cards = self.core.shard.register.card_count
        cdef int32_t merchants = self.core.shard.register.merchant_count
        cdef int64_t at
        cdef int world
        if before.account_capacity < book.account_count:
            before.accounts = <Account *> grown(
                before.accounts, before.account_count, book.account_capacity, sizeof(Account))
            before.account_capacity = book.account_capacity
        for at in range(before.account_count, book.account_count):
            before.accounts[at] = book.accounts[at]
        before.account_count = book.account_count
        if cards > replay.card_capacity:
            at = 2 * replay.card_capacity
            cards = cards if cards > at else at
            for world in range(2):
                replay.worlds[world].card_minor = <int64_t *> grown(
                    replay.worlds[world].card_minor, replay.card_capacity, cards, 8)
                replay.worlds[world].card_points = <int64_t *> grown(
                    replay.worlds[world].card_points, replay.card_capacity, cards, 8)
            replay.card_sales = <int64_t *> grown(
                replay.card_sales, replay.card_capacity, cards, 8)
            replay.card_purchases = <int32_t *> grown(
                replay.card_purchases, replay.card_capacity, cards, 4)
            replay.card_day = <int32_t *> grown(replay.card_day, replay.card_capacity, cards, 4)
            replay.card_capacity = cards
        if merchants > replay.merchant_capacity:
            for world in range(2):
                replay.worlds[world].merchants = <int64_t *> grown(
                    replay.worlds[world].merchants, replay.merchant_capacity * SUM_COUNT,
                    merchants * SUM_COUNT, 8)
            replay.merchant_capacity = merchants

    # --- what later rows name ---------------------------------------------------------------------

    def keep(self, list seqs):
        """Keep these exchanges when they come: later rows name them. Once, before the first row."""
        cdef Replay *replay = &self.replay
        cdef int64_t room = 16
        cdef int64_t seq, at
        assert replay.kept_mask < 0
        while room < 2 * len(seqs):
            room *= 2
        replay.kept = <Kept *> calloc(<size_t> room, sizeof(Kept))
        replay.kept_seqs = <int64_t *> calloc(<size_t> room, sizeof(int64_t))
        if replay.kept == NULL or replay.kept_seqs == NULL:
            raise MemoryError
        replay.kept_mask = room - 1
        for seq in seqs:
            at = <int64_t> (hash_word(seq) & replay.kept_mask)
            while replay.kept_seqs[at] != 0 and replay.kept_seqs[at] != seq:
                at = (at + 1) & replay.kept_mask
            replay.kept_seqs[at] = seq

    def remember(self, bytes rows, dict outcomes):
        """Keep rows of before the first one: a COPY stream. See `_lab.pyi`."""
        cdef Row *row = &self.replay.row
        cdef const uint8_t *start = <const uint8_t *> PyBytes_AS_STRING(rows)
        cdef size_t at = 0
        cdef bint chained
        cdef int state
        cdef int64_t undone_minor
        if stream_skip_header(start, <size_t> len(rows), &at) != ROW_READ:
            raise JournalBroken("this is no COPY stream of the journal")
        while row_next(start, <size_t> len(rows), &at, row, NULL, &chained) == ROW_READ:
            state, undone_minor = outcomes[row.seq]
            if lab_remember(&self.replay, state, undone_minor) != LAB_DONE:
                raise MemoryError

    # --- the loop ---------------------------------------------------------------------------------

    def take(self, bytes data, on_row):
        """Carry out and decide again the rows of a piece of a stream. See `_lab.pyi`."""
        cdef Replay *replay = &self.replay
        cdef Row *row = &replay.row
        cdef const uint8_t *start
        cdef size_t at = 0
        cdef size_t bytes_in
        cdef bint chained
        cdef int what = LAB_DONE
        cdef int fault = ROW_READ
        if self.rest:
            self.rest += data
            data = bytes(self.rest)
            self.rest.clear()
        start = <const uint8_t *> PyBytes_AS_STRING(data)
        bytes_in = <size_t> len(data)
        if not self.begun:
            fault = stream_skip_header(start, bytes_in, &at)
            self.begun = fault == ROW_READ
        while self.begun and fault == ROW_READ:
            with nogil:
                what = LAB_DONE
                while what == LAB_DONE:
                    fault = row_next(start, bytes_in, &at, row, NULL, &chained)
                    if fault != ROW_READ or (self.wants_days and self.day_is_new()):
                        break
                    what = lab_row(replay)
            if fault == ROW_READ and what == LAB_DONE:
                self.tell_day(on_row)
                what = lab_row(replay)
            if fault == ROW_READ:
                self.tell(what, on_row)
        if fault == ROW_END:
            self.begun = False
        elif fault != ROW_NEEDS_MORE:
            raise JournalBroken(f"after row {row.seq}: not a row of the journal")
        else:
            self.rest += data[at:]

    cdef bint day_is_new(self) noexcept nogil:
        cdef int64_t unix_s = self.replay.row.decided_us // 1000000
        return (self.replay.row.kind != KIND_EVENT
                and (unix_s + offset_at(&self.replay, unix_s)) // SECONDS_A_DAY > self.day)

    cdef int tell_day(self, on_row) except -1:
        """A local day begins with this row: say so before it."""
        cdef int64_t unix_s = self.replay.row.decided_us // 1000000
        self.day = <int32_t> ((unix_s + offset_at(&self.replay, unix_s)) // SECONDS_A_DAY)
        self.replay.last_s = unix_s
        month_at(&self.replay, self.day)
        on_row("day", self.day, b"")
        return 0

    cdef int tell(self, int what, on_row) except -1:
        cdef const Row *row = &self.replay.row
        if what == LAB_DONE:
            return 0
        if what == LAB_NO_MEMORY:
            raise MemoryError
        if what != LAB_EVENT and what != LAB_CLOCK:
            raise JournalBroken(f"row {row.seq}: its moves or what it names cannot be")
        body = b""
        if row.event != NULL:
            body = PyBytes_FromStringAndSize(<char *> row.event, <Py_ssize_t> row.event_bytes)
        on_row("event" if what == LAB_EVENT else "clock", row.seq, body)
        return 0

    # --- the clock --------------------------------------------------------------------------------

    def as_it_was(self):
        """Let the row's moves of our cards happen in the draft's world, too."""
        if move_ours(&self.replay, DRAFTED) != LAB_DONE:
            raise JournalBroken(f"row {self.replay.row.seq}: its moves cannot be")

    def end_lots(self, int world, list endings, *, int64_t first_card, int64_t end_card,
                 int64_t until_s, used_before_day=None):
        """Let what has ended leave our cards. See `_lab.pyi`."""
        cdef int64_t card
        cdef int32_t idle_day = 0
        cdef bint idle = used_before_day is not None
        cdef const Card *at
        if idle:
            idle_day = used_before_day
        for slot, account, owed_too in endings:
            for card in range(first_card, min(end_card, self.core.shard.register.card_count)):
                if not is_ours(&self.replay, card):
                    continue
                at = &self.core.shard.register.cards[card]
                if idle and not (at.day != 0 and at.day < idle_day):
                    continue
                self.end_account(world, card, at.accounts + <int64_t> slot, account, until_s,
                                 idle, owed_too)

    cdef int end_account(self, int world, int64_t card, int64_t source, int64_t target,
                         int64_t until_s, bint idle, bint owed_too) except -1:
        cdef Replay *replay = &self.replay
        cdef Book *book = &replay.before if world == HAPPENED else &replay.shard.book
        cdef Row *row = &replay.decision.row
        cdef int64_t sums[SUM_COUNT]
        cdef int64_t ended = 0
        cdef int fault = MOVE_TOO_MANY
        while fault == MOVE_TOO_MANY:
            row.move_count = 0
            if idle:
                fault = book_end_all(book, source, target, KEPT_WHEN_INACTIVE, row.moves,
                                     &row.move_count)
            else:
                fault = book_spend_ended(book, source, target, <uint32_t> until_s, owed_too,
                                         &ended, row.moves, &row.move_count)
            memset(sums, 0, sizeof(sums))
            add_moves(book, row.moves, row.move_count, sums)
            add_sums(replay.worlds[world].months + SUM_COUNT * replay.month, sums)
            credit(replay, world, card, sums)
        if fault != MOVE_DONE:
            raise MemoryError
        return 0

    def open_lots(self, int slot, int64_t account, int64_t amount, *, int64_t until_s,
                  int64_t first_card, int64_t end_card):
        """Give our cards a lot by the draft. See `_lab.pyi`."""
        cdef Replay *replay = &self.replay
        cdef const Card *at
        cdef Move opening
        cdef int64_t sums[SUM_COUNT]
        cdef int64_t card
        opening.from_account = account
        opening.amount = amount
        # As the switch names it; what opens before another kind of row must not meet that row's.
        opening.lot = replay.row.seq * 16 + (0 if replay.row.kind == KIND_CLOCK else 15)
        opening.available_at = 0
        opening.expires_at = <uint32_t> until_s
        for card in range(first_card, min(end_card, self.core.shard.register.card_count)):
            at = &self.core.shard.register.cards[card]
            if not is_ours(replay, card) or at.status == CARD_STATUS_CLOSED:
                continue
            opening.to_account = at.accounts + slot
            if book_apply(&replay.shard.book, &opening, True) != MOVE_DONE:
                raise MemoryError
            memset(sums, 0, sizeof(sums))
            add_moves(&replay.shard.book, &opening, 1, sums)
            add_sums(replay.worlds[DRAFTED].months + SUM_COUNT * replay.month, sums)
            credit(replay, DRAFTED, card, sums)

    # --- what was found ---------------------------------------------------------------------------

    @property
    def last_s(self):
        """When the last row was decided; 0 before the first."""
        return self.replay.last_s

    def counts(self):
        """Give the counts of rows by name."""
        return {
            "rows": self.replay.rows,
            "exchanges": self.replay.exchanges,
            "purchases": self.replay.purchases,
            "differing": self.replay.differing,
            "now_declined": self.replay.now_declined,
            "now_approved": self.replay.now_approved,
        }

    def months(self, int world):
        """Give the figures of each month."""
        cdef int64_t *sums = self.replay.worlds[world].months
        cdef int at, i
        return [[sums[at * SUM_COUNT + i] for i in range(SUM_COUNT)]
                for at in range(self.replay.month_count)]

    def merchants(self, int world):
        """Give the figures of each merchant, by its row."""
        cdef int64_t *sums = self.replay.worlds[world].merchants
        cdef int64_t at
        cdef int i
        return [[sums[at * SUM_COUNT + i] for i in range(SUM_COUNT)]
                for at in range(self.replay.merchant_capacity)]

    def declined(self, int world):
        """Give how many each reason declined."""
        cdef int reason
        return {reason: self.replay.worlds[world].declined[reason] for reason in range(128)
                if self.replay.worlds[world].declined[reason]}

    def rules(self):
        """Give (count, minor units, points) of each rule of the draft, in its order."""
        cdef int at
        return [(self.replay.rules[at].count, self.replay.rules[at].minor,
                 self.replay.rules[at].points) for at in range(1, LAB_RULES_MAX)]

    def cards(self):
        """Give columns of our cards by name. See `_lab.pyi`."""
        cdef Replay *replay = &self.replay
        cdef int64_t card
        columns = {name: array("q") for name in (
            "minor_before", "points_before", "minor_after", "points_after", "sales", "purchases",
            "day")}
        for card in range(self.core.shard.register.card_count):
            if not is_ours(replay, card):
                continue
            columns["minor_before"].append(replay.worlds[HAPPENED].card_minor[card])
            columns["points_before"].append(replay.worlds[HAPPENED].card_points[card])
            columns["minor_after"].append(replay.worlds[DRAFTED].card_minor[card])
            columns["points_after"].append(replay.worlds[DRAFTED].card_points[card])
            columns["sales"].append(replay.card_sales[card])
            columns["purchases"].append(replay.card_purchases[card])
            columns["day"].append(replay.card_day[card])
        return columns

    def holdings(self, int world, list slots, *, int64_t now_s):
        """Give (balance, not open yet) of all our cards together in these accounts."""
        cdef const Book *book = (&self.replay.before if world == HAPPENED
                                 else &self.replay.shard.book)
        cdef const Account *account
        cdef int64_t card, balance = 0, pending = 0
        cdef int32_t at
        for card in range(self.core.shard.register.card_count):
            if not is_ours(&self.replay, card):
                continue
            for slot in slots:
                account = &book.accounts[
                    self.core.shard.register.cards[card].accounts + <int64_t> slot]
                balance += account.balance
                at = account.lots
                while at >= 0:
                    if book.lots[at].available_at > now_s:
                        pending += book.lots[at].remaining
                    at = book.lots[at].next
        return balance, pending

    def tiers(self, int world, int slot, list bounds, *, int64_t now_s):
        """Give the level of each of our cards, by the largest lot of an account that is open."""
        cdef const Book *book = (&self.replay.before if world == HAPPENED
                                 else &self.replay.shard.book)
        cdef int64_t card, largest
        cdef int32_t at
        found = bytearray()
        for card in range(self.core.shard.register.card_count):
            if not is_ours(&self.replay, card):
                continue
            largest = 0
            at = book.accounts[self.core.shard.register.cards[card].accounts + slot].lots
            while at >= 0:
                if (is_open(&book.lots[at], <uint32_t> now_s)
                        and book.lots[at].remaining > largest):
                    largest = book.lots[at].remaining
                at = book.lots[at].next
            found.append(sum(1 for bound in bounds[1:] if largest >= bound))
        return bytes(found)

    def account(self, int world, int64_t number):
        """Give (balance, lots) of an account in a world. See `_lab.pyi`."""
        cdef const Book *book = (&self.replay.before if world == HAPPENED
                                 else &self.replay.shard.book)
        cdef int32_t at
        if not 0 <= number < book.account_count:
            raise IndexError(number)
        at = book.accounts[number].lots
        lots = []
        while at >= 0:
            lots.append((book.lots[at].lot, book.lots[at].remaining, book.lots[at].available_at,
                         book.lots[at].expires_at))
            at = book.lots[at].next
        return book.accounts[number].balance, lots


SUMS = <int> SUM_COUNT
BLOCK = <int> CARDS_A_BLOCK
