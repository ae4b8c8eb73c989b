"""A shard as Python sees it: what events change, replay, batches, snapshots, and looking inside.

Owns the shard's memory. Nothing here is on the path of a message that comes through the gate: that
uses the same `Shard` without Python objects. Must not know what an event means (`switch.events`) or
how a programme compiles (`switch.plan`).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, realloc
from libc.string cimport memcpy, memset

from switch._decide cimport decide_hold_expiry
from switch._exchanges cimport Exchange, exchange_by_seq
from switch._plan cimport UNIT_COUNTS, UNIT_POINTS, Moment, Plan, floor_of, moment_at
from switch._register cimport (
    CLUB_COUNTS, CLUB_POINTS_EXPIRED, CLUB_POINTS_ISSUED, CLUB_POINTS_REDEEMED, CLUB_SLOTS,
    CLUB_SLOTS_FIRST, NO_PVV, Acquirer, Card, Club, Merchant, Terminal, find_card, find_club,
    find_merchant,
    register_add_acquirer, register_add_card, register_add_club, register_add_merchant,
    register_add_terminal,
)
from switch._shard cimport (
    DECIDED, RECALL_SEQ, bashgah_hmac,
    bashgah_hmac_key, due_pop, due_push, journal_row, remember_row, replay, settle, shard_clear,
    shard_open,
)
from switch._words cimport (
    CARD_ACTIVE, CARD_STATUS_BLOCKED, HOLD, KIND_EXCHANGE, LOAD, OPERATION_COUNT, POINTS_PAYMENT,
    PREAUTHORISATION, PURCHASE, REASON_COUNT,
)
from switch.ledger._batches cimport Waiting, batches_drop, batches_take, copy_body
from switch.ledger._book cimport (
    OWNER_BUDGET, OWNER_CARD, OWNER_CLUB, OWNER_MERCHANT, OWNER_ORGANISATION, Account, Lot,
    book_open,
)
from switch.ledger._rows cimport (
    CHAIN_BYTES, ROW_BROKEN, ROW_END, ROW_NEEDS_MORE, ROW_READ, Row, row_clear, row_next,
    stream_skip_header,
)

cimport cython

cdef int64_t NO_FLOOR = -(1LL << 60)


class JournalBroken(ValueError):
    """The journal contradicts itself; the text names the sequence and what is wrong."""


cdef uint16_t unit_of(const Club *club, int kind) noexcept nogil:
    """The unit number of a kind of unit in a club."""
    if kind == UNIT_POINTS:
        return club.points_unit
    return club.counts_unit if kind == UNIT_COUNTS else club.currency


cdef bint is_choice(int operation) noexcept:
    """What could have been declined; a reversal, refund or completion has to happen."""
    return (operation == PURCHASE or operation == POINTS_PAYMENT or operation == LOAD
            or operation == HOLD or operation == PREAUTHORISATION)


@cython.final
cdef class Core:
    """One shard's state. Not thread-safe: everything happens on the thread that runs the gate."""

    def __cinit__(self, *, int shard, bytes pan_key, uint32_t exchange_entries,
                  uint64_t detail_bytes, int32_t batch_rows_max, size_t batch_bytes_max,
                  int32_t clock_seconds_max, list response_codes, list reason_names):
        """`pan_key` is the 32-byte secret of card tokens; the lists are indexed by reason."""
        cdef int i
        if len(pan_key) != 32:
            raise ValueError("the key of card tokens has 32 bytes")
        assert batch_rows_max > 0
        if shard_open(&self.shard, exchange_entries, detail_bytes, batch_rows_max,
                      batch_bytes_max) != 0:
            raise MemoryError
        self.shard.number = <int16_t> shard
        self.shard.clock_seconds_max = clock_seconds_max
        bashgah_hmac_key(&self.shard.pan_key, <const uint8_t *> PyBytes_AS_STRING(pan_key), 32)
        for i, code in enumerate(response_codes):
            memcpy(self.shard.response_codes[i], PyBytes_AS_STRING(code.encode("ascii")), 2)
        for i, name in enumerate(reason_names):
            encoded = name.encode("ascii")[:47]
            memcpy(self.shard.reason_names[i], PyBytes_AS_STRING(encoded), len(encoded))
        self.replay_rest = bytearray()
        self.replay_begun = False
        self.floors_watched = False

    def __dealloc__(self):
        shard_clear(&self.shard)

    # --- the register -----------------------------------------------------------------------------

    def token_of(self, str pan):
        """Give the 16-byte token of a PAN: HMAC-SHA-256 under the shard's key, cut to 16 bytes."""
        cdef uint8_t digest[32]
        encoded = pan.encode("ascii")
        bashgah_hmac(&self.shard.pan_key, <const uint8_t *> PyBytes_AS_STRING(encoded),
                     <size_t> len(encoded), digest)
        return PyBytes_FromStringAndSize(<char *> digest, 16)

    def add_club(self, int32_t club, uint16_t currency, uint16_t points_unit,
                 uint16_t counts_unit, int slots):
        """Add a club and its accounts; one of an older journal has fewer."""
        cdef Club *row = register_add_club(&self.shard.register)
        cdef int slot
        cdef uint16_t unit
        assert CLUB_SLOTS_FIRST <= slots <= CLUB_SLOTS
        if row == NULL:
            raise MemoryError
        row.club = club
        row.currency = currency
        row.points_unit = points_unit
        row.counts_unit = counts_unit
        row.slots = <uint8_t> slots
        row.accounts = self.shard.book.account_count
        for slot in range(slots):
            unit = currency
            if slot == CLUB_COUNTS:
                unit = counts_unit
            elif (slot == CLUB_POINTS_ISSUED or slot == CLUB_POINTS_REDEEMED
                    or slot == CLUB_POINTS_EXPIRED):
                unit = points_unit
            self.open_account(club, OWNER_CLUB, <uint8_t> slot, unit, False)

    def add_acquirer(self, int32_t acquirer, bytes code):
        """Add an acquirer with its DE 32 (up to 11 digits)."""
        cdef Acquirer *row = register_add_acquirer(&self.shard.register)
        if row == NULL:
            raise MemoryError
        row.acquirer = acquirer
        row.code_bytes = <uint8_t> len(code)
        memcpy(row.code, PyBytes_AS_STRING(code), len(code))

    def add_merchant(self, bytes merchant_id, int32_t club, int32_t category):
        """Add a merchant by its DE 42 (15 characters) and open its account; gives its number."""
        cdef Merchant *row
        cdef int32_t club_row = find_club(&self.shard.register, club)
        assert len(merchant_id) == 15 and club_row >= 0
        row = register_add_merchant(&self.shard.register, PyBytes_AS_STRING(merchant_id))
        if row == NULL:
            raise MemoryError
        row.club_row = club_row
        row.category = category
        row.account = self.open_account(self.shard.register.merchant_count - 1, OWNER_MERCHANT, 0,
                                        self.shard.register.clubs[club_row].currency, False)
        return self.shard.register.merchant_count - 1

    def add_organisation(self, int32_t organisation, int32_t club):
        """Open an organisation's account in its club's currency; gives its number."""
        cdef int32_t row = find_club(&self.shard.register, club)
        assert row >= 0
        return self.open_account(organisation, OWNER_ORGANISATION, 0,
                                 self.shard.register.clubs[row].currency, False)

    def add_budget(self, int32_t club, int64_t budget):
        """Open an account that counts a budget of a club; gives its number."""
        cdef int32_t row = find_club(&self.shard.register, club)
        assert row >= 0
        return self.open_account(budget, OWNER_BUDGET, 0,
                                 self.shard.register.clubs[row].counts_unit, True)

    def add_terminal(self, bytes terminal_id, int32_t acquirer, bytes merchant_id):
        """Add a terminal by its DE 41 (8 characters); gives its number."""
        cdef Terminal *row
        cdef int32_t merchant = find_merchant(&self.shard.register, PyBytes_AS_STRING(merchant_id))
        assert len(terminal_id) == 8 and len(merchant_id) == 15 and merchant >= 0
        row = register_add_terminal(&self.shard.register, acquirer, PyBytes_AS_STRING(terminal_id))
        if row == NULL:
            raise MemoryError
        row.merchant_row = merchant
        return self.shard.register.terminal_count - 1

    def add_cards(self, int32_t plan_row, const uint8_t[::1] tokens, const uint16_t[::1] expiries,
                  const uint32_t[::1] first6, const uint16_t[::1] last4):
        """Add cards (16 bytes of token each, expiry YYMM) and their wallets; gives the first."""
        cdef Plan *plan = &self.shard.plans[plan_row]
        cdef const Club *club = &self.shard.register.clubs[plan.club_row]
        cdef int64_t first = self.shard.register.card_count
        cdef Card *card
        cdef Py_ssize_t i
        cdef int slot
        assert 0 <= plan_row < self.shard.plan_count
        assert tokens.shape[0] == 16 * expiries.shape[0]
        for i in range(expiries.shape[0]):
            card = register_add_card(&self.shard.register, &tokens[16 * i])
            if card == NULL:
                raise MemoryError
            card.programme_row = plan_row
            card.expires_yymm = <int16_t> expiries[i]
            card.first6 = first6[i]
            card.last4 = last4[i]
            card.pvv = NO_PVV
            card.counter = -1
            card.linked = card.voucher = -1
            card.accounts = self.shard.book.account_count
            for slot in range(plan.slot_count):
                self.open_account(first + i, OWNER_CARD, <uint8_t> slot,
                                  unit_of(club, plan.slots[slot].unit),
                                  plan.slots[slot].keeps_lots,
                                  floor_of(plan, slot))
        return first

    cdef int64_t open_account(self, int64_t owner, uint8_t owner_kind, uint8_t slot, uint16_t unit,
                              bint keeps_lots, int64_t floor=NO_FLOOR) except -1:
        cdef int64_t account = book_open(&self.shard.book, owner, owner_kind, slot, unit, floor,
                                         keeps_lots)
        if account < 0:
            raise MemoryError
        return account

    def card_of(self, bytes token):
        """Give a card's number by its token, or None."""
        cdef int64_t card
        assert len(token) == 16
        card = find_card(&self.shard.register, <const uint8_t *> PyBytes_AS_STRING(token))
        return None if card < 0 else card

    def set_card_status(self, int64_t card, uint8_t status):
        """Block, unblock or close a card."""
        assert 0 <= card < self.shard.register.card_count
        self.shard.register.cards[card].status = status

    def reissue_card(self, int64_t card, int16_t expires_yymm, bint new_chip):
        """Give a card another date. See `_core.pyi`."""
        cdef Card *found
        assert 0 <= card < self.shard.register.card_count
        found = &self.shard.register.cards[card]
        if expires_yymm <= found.expires_yymm:
            return False
        if found.status not in (CARD_ACTIVE, CARD_STATUS_BLOCKED):
            return False
        found.expires_yymm = expires_yymm
        if new_chip:
            found.counter = -1
        return True

    def set_terminal_status(self, int32_t terminal, uint8_t status):
        """Block (1) or unblock (0) a terminal."""
        assert 0 <= terminal < self.shard.register.terminal_count
        self.shard.register.terminals[terminal].status = status

    def set_merchant_status(self, int32_t merchant, uint8_t status):
        """Block (1) or unblock (0) a merchant."""
        assert 0 <= merchant < self.shard.register.merchant_count
        self.shard.register.merchants[merchant].status = status

    # --- the journal ------------------------------------------------------------------------------

    @property
    def number(self):
        """Number of the shard."""
        return self.shard.number

    @property
    def last_seq(self):
        """Sequence of the last row that was decided or replayed."""
        return self.shard.last_seq

    @property
    def durable_seq(self):
        """Sequence of the last row that is known to be durable."""
        return self.shard.durable_seq

    @property
    def chain(self):
        """Chain of that row: 32 bytes."""
        return PyBytes_FromStringAndSize(<char *> self.shard.chain, CHAIN_BYTES)

    def begin_tenure(self, int32_t epoch):
        """Take an epoch: every row from here on carries it. Nothing may be waiting for a batch."""
        assert self.shard.batches.count == 0, "rows of another tenure wait for a batch"
        self.shard.epoch = epoch
        self.shard.cut_seq = self.shard.durable_seq = self.shard.last_seq
        memcpy(self.tenure_chain, self.shard.chain, CHAIN_BYTES)

    def journal_event(self, int kind, int64_t now_us, int32_t utc_offset_s, bytes body):
        """Append an event (JSON) that has taken effect as a row; gives its sequence."""
        cdef Row *row = &self.decision.row
        cdef Moment now
        moment_at(&now, now_us, utc_offset_s)
        row_clear(row)
        row.kind = <int16_t> kind
        row.business_day = now.local_day
        row.received_us = row.decided_us = now_us
        row.event = <const uint8_t *> PyBytes_AS_STRING(body)
        row.event_bytes = <size_t> len(body)
        if journal_row(&self.shard, row) != 0:
            raise MemoryError
        return row.seq

    def cut_batch(self):
        """Take the oldest rows that wait as (first_seq, last_seq, chain, COPY stream), or None."""
        cdef Waiting *taken = &self.shard.batches.taken
        if self.shard.batches.count == 0:
            return None
        assert self.shard.batches.readers == 0, "the batch before is still being read"
        if batches_take(&self.shard.batches) != 0:
            raise MemoryError
        first = self.shard.cut_seq + 1
        self.shard.cut_seq = taken.last_seq
        chain = PyBytes_FromStringAndSize(<char *> taken.chain, CHAIN_BYTES)
        return first, taken.last_seq, chain, copy_body(self, &self.shard.batches)

    def drop_tenure(self):
        """Forget the tenure's first row: another owner's rows came before it; replay them first."""
        batches_drop(&self.shard.batches)
        self.shard.last_seq = self.shard.cut_seq = self.shard.durable_seq
        memcpy(self.shard.chain, self.tenure_chain, CHAIN_BYTES)

    def replay(self, bytes data, on_event):
        """Carry out the rows of a piece of a COPY stream; gives how many.

        `on_event(seq, kind, body)` is called for rows that carry an event. Raises JournalBroken at
        the first row that does not follow: sequence, chain or a move that cannot be.
        """
        cdef Row *row = &self.decision.row
        cdef const uint8_t *start
        cdef size_t at = 0
        cdef size_t size
        cdef bint chained
        cdef int fault
        cdef int64_t count = 0
        if self.replay_rest:
            self.replay_rest += data
            data = bytes(self.replay_rest)
            self.replay_rest.clear()
        start = <const uint8_t *> PyBytes_AS_STRING(data)
        size = <size_t> len(data)
        if not self.replay_begun:
            fault = stream_skip_header(start, size, &at)
            if fault == ROW_BROKEN:
                raise JournalBroken("this is no COPY stream of the journal")
            self.replay_begun = fault == ROW_READ
        while self.replay_begun:
            fault = row_next(start, size, &at, row, self.shard.chain, &chained)
            if fault == ROW_END:
                self.replay_begun = False
                return count
            if fault == ROW_NEEDS_MORE:
                break
            self.check_row(row, fault, chained)
            fault = replay(&self.shard, row)
            if fault != 0:
                raise JournalBroken(
                    f"row {row.seq}: its moves or what it names cannot be ({fault})")
            if self.floors_watched:
                self.check_floors(row)
            count += 1
            if row.event != NULL:
                on_event(row.seq, row.kind, PyBytes_FromStringAndSize(
                    <char *> row.event, <Py_ssize_t> row.event_bytes))
        self.replay_rest += data[at:]
        return count

    cdef int check_row(self, const Row *row, int fault, bint chained) except -1:
        if fault != ROW_READ:
            raise JournalBroken(f"after row {self.shard.last_seq}: not a row of the journal")
        if row.seq != self.shard.last_seq + 1:
            raise JournalBroken(f"row {self.shard.last_seq + 1} is missing: {row.seq} follows")
        if row.shard != self.shard.number:
            raise JournalBroken(f"row {row.seq}: of shard {row.shard}")
        if row.epoch < self.shard.epoch:
            raise JournalBroken(f"row {row.seq}: epoch {row.epoch} after {self.shard.epoch}")
        if not chained:
            raise JournalBroken(f"row {row.seq}: its chain does not follow: it was changed")
        if (row.kind == KIND_EXCHANGE and (row.terminal < 0
                or row.terminal >= self.shard.register.terminal_count
                or row.card >= self.shard.register.card_count)):
            raise JournalBroken(f"row {row.seq}: an unknown terminal or card")
        self.shard.epoch = row.epoch
        return 0

    def watch_floors(self):
        """From here on replay also refuses rows that take an account below its floor by choice."""
        self.floors_watched = True

    cdef int check_floors(self, const Row *row) except -1:
        cdef int64_t number
        cdef int i
        if row.kind != KIND_EXCHANGE or not is_choice(row.operation):
            return 0
        for i in range(row.move_count):
            number = row.moves[i].from_account
            if self.shard.book.accounts[number].balance < self.shard.book.accounts[number].floor:
                raise JournalBroken(f"row {row.seq}: takes account {number} below its floor")
        return 0

    def remember(self, bytes rows, dict outcomes):
        """Put rows of the journal (a COPY stream) back among the exchanges. See `_core.pyi`."""
        cdef Row *row = &self.decision.row
        cdef size_t at = 0
        cdef bint chained
        cdef int state
        cdef int64_t undone_minor
        cdef const uint8_t *start = <const uint8_t *> PyBytes_AS_STRING(rows)
        if stream_skip_header(start, <size_t> len(rows), &at) != ROW_READ:
            raise JournalBroken("this is no COPY stream of the journal")
        while row_next(start, <size_t> len(rows), &at, row, NULL, &chained) == ROW_READ:
            state, undone_minor = outcomes.get(row.seq, (-1, -1))
            if remember_row(&self.shard, row, state, undone_minor) != 0:
                raise MemoryError
            self.shard.counters.recalled += 1

    # --- clock work -------------------------------------------------------------------------------

    def expire_holds(self, int64_t now_us, int32_t utc_offset_s, int entries_max):
        """Release holds that have ended: (rows written, sequences to recall first)."""
        cdef Moment now
        cdef int64_t seq
        cdef int status
        written = 0
        recall = []
        moment_at(&now, now_us, utc_offset_s)
        while written < entries_max and due_pop(&self.shard, now.unix_s, &seq):
            status = decide_hold_expiry(&self.shard, seq, &now, &self.decision)
            if status == RECALL_SEQ:
                recall.append(seq)
                due_push(&self.shard, now.unix_s, seq)
                break
            if status != DECIDED:
                continue
            if (journal_row(&self.shard, &self.decision.row) != 0
                    or settle(&self.shard, &self.decision.row) != 0):
                raise MemoryError
            self.shard.counters.holds_expired += 1
            written += 1
        return written, recall

    # --- looking inside ---------------------------------------------------------------------------

    @property
    def account_count(self):
        """How many accounts there are."""
        return self.shard.book.account_count

    @property
    def card_count(self):
        """How many cards there are."""
        return self.shard.register.card_count

    def account(self, int64_t number):
        """Give (owner_kind, owner, slot, unit, balance, floor) of an account."""
        cdef const Account *account
        if not 0 <= number < self.shard.book.account_count:
            raise IndexError(number)
        account = &self.shard.book.accounts[number]
        return (account.owner_kind, account.owner, account.slot, account.unit, account.balance,
                account.floor)

    def lots(self, int64_t number):
        """Give an account's lots, soonest to expire first.

        Each is (lot, remaining, available_at, expires_at).
        """
        cdef int32_t at
        cdef const Lot *lot
        found = []
        if not 0 <= number < self.shard.book.account_count:
            raise IndexError(number)
        at = self.shard.book.accounts[number].lots
        while at >= 0:
            lot = &self.shard.book.lots[at]
            found.append((lot.lot, lot.remaining, lot.available_at, lot.expires_at))
            at = lot.next
        return found

    def card(self, int64_t number):
        """Give (first account, status, programme row, expiry YYMM, masked PAN) of a card."""
        cdef const Card *card
        if not 0 <= number < self.shard.register.card_count:
            raise IndexError(number)
        card = &self.shard.register.cards[number]
        return (card.accounts, card.status, card.programme_row, card.expires_yymm,
                f"{card.first6:06d}******{card.last4:04d}")

    def card_limits(self, int64_t number):
        """Give (business day, spent, count) of a card's limits."""
        cdef const Card *card = &self.shard.register.cards[number]
        assert 0 <= number < self.shard.register.card_count
        return card.day, card.day_spent_minor, card.day_count

    def merchant_account(self, int32_t merchant):
        """Give the number of a merchant's account."""
        assert 0 <= merchant < self.shard.register.merchant_count
        return self.shard.register.merchants[merchant].account

    def club_account(self, int32_t club, int slot):
        """Give the number of a club's account in a slot."""
        cdef int32_t row = find_club(&self.shard.register, club)
        assert row >= 0 and 0 <= slot < self.shard.register.clubs[row].slots
        return self.shard.register.clubs[row].accounts + slot

    def exchange(self, int64_t seq):
        """Give (state, approved, undone, operation, hold_expires_s) of an exchange, or None."""
        cdef Exchange *entry = exchange_by_seq(&self.shard.exchanges, seq)
        if entry == NULL:
            return None
        return (entry.state, entry.approved_minor, entry.undone_minor, entry.operation,
                entry.hold_expires_s)

    def imbalances(self):
        """Check the book: a list of what is wrong, empty when every rial is where it belongs."""
        cdef int64_t i
        cdef int32_t at
        cdef int64_t lots
        cdef const Account *account
        totals = {}
        found = []
        for i in range(self.shard.book.account_count):
            account = &self.shard.book.accounts[i]
            totals[account.unit] = totals.get(account.unit, 0) + account.balance
            if account.lots != -2:
                lots = 0
                at = account.lots
                while at >= 0:
                    lots += self.shard.book.lots[at].remaining
                    at = self.shard.book.lots[at].next
                if lots != account.balance:
                    found.append(
                        f"account {i}: lots sum to {lots}, its balance is {account.balance}")
        found += [f"unit {unit}: sums to {total}" for unit, total in totals.items() if total]
        return found

    def statistics(self):
        """Give the counters, and sizes for the metrics."""
        cdef int i
        return {
            "declined": [self.shard.counters.declined[i] for i in range(128)],
            "approved": [self.shard.counters.approved[i] for i in range(<int> OPERATION_COUNT)],
            "repeated": self.shard.counters.repeated,
            "recalled": self.shard.counters.recalled,
            "unjournaled": self.shard.counters.unjournaled,
            "holds_expired": self.shard.counters.holds_expired,
            "accounts": self.shard.book.account_count,
            "cards": self.shard.register.card_count,
            "lots": self.shard.book.lots_open,
            "exchanges": self.shard.exchanges.used,
            "holds_open": self.shard.exchanges.held,
            "last_seq": self.shard.last_seq,
            "durable_seq": self.shard.durable_seq,
            "cut_seq": self.shard.cut_seq,
        }
