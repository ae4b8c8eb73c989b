"""A shard's state and how a journal row changes it. See `_shard.pxd`."""

from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset

from switch._exchanges cimport (
    detail_put, exchange_add, exchange_by_seq, exchange_set_state, exchanges_clear,
    exchanges_open,
)
from switch._keyring cimport keyring_clear
from switch._plan cimport Slot, plan_clear
from switch._register cimport (
    NOT_REDEEMED, Card, Terminal, Tries, find_acquirer, register_clear,
)
from switch._words cimport (
    CLASS_ADVICE, CLASS_AUTHORISATION, CLASS_FINANCIAL, CLASS_NETWORK, CLASS_NONE, CLASS_REVERSAL,
    CLASS_REVERSAL_ADVICE, COMPLETION, CUT_OVER, DUPLICATE_WITH_OTHER_CONTENT, ECHO, HOLD,
    KIND_EXCHANGE, KIND_HOLD_EXPIRY, PIN_WRONG, POINTS_PAYMENT, PREAUTHORISATION, PURCHASE, REFUND,
    REVERSAL, REVERSED_UNKNOWN_ORIGINAL, SIGN_OFF, SIGN_ON, STATE_APPROVED, STATE_CAPTURED,
    STATE_DECLINED, STATE_EXPIRED, STATE_HELD, STATE_RELEASED, STATE_REVERSED, STATE_TOMBSTONE,
    VOUCHER_REDEMPTION, VOUCHER_REFUSED, is_without_amount,
)
from switch.ledger._batches cimport batches_append, batches_clear, batches_open
from switch.ledger._book cimport (
    MOVE_DONE, OWNER_BUDGET, OWNER_CARD, book_apply, book_clear,
)
from switch.ledger._rows cimport buffer_clear, buffer_reserve

cdef extern from *:
    """
    static inline int64_t bashgah_share(int64_t amount, int64_t part, int64_t whole)
    {
        return whole == 0 ? 0 : (int64_t)((__int128)amount * part / whole);
    }
    """
    int64_t share "bashgah_share"(int64_t amount, int64_t part, int64_t whole) nogil

cdef enum:
    SECONDS_A_DAY = 86400
    HALF_A_YEAR_DAYS = 182


cdef int shard_open(Shard *shard, uint32_t exchange_entries, uint64_t detail_bytes,
                    int32_t batch_rows_max, size_t batch_bytes_max) noexcept nogil:
    """Prepare an empty shard. 0, or -1 without memory."""
    memset(shard, 0, sizeof(Shard))
    shard.book.lot_free = -1
    shard.clock_seconds_max = SECONDS_A_DAY
    if batches_open(&shard.batches, batch_rows_max, batch_bytes_max) != 0:
        return -1
    return exchanges_open(&shard.exchanges, exchange_entries, detail_bytes)


cdef void shard_clear(Shard *shard) noexcept nogil:
    """Free everything, the key included."""
    cdef int32_t row
    for row in range(shard.plan_count):
        plan_clear(&shard.plans[row])
    free(shard.plans)
    free(shard.due)
    book_clear(&shard.book)
    register_clear(&shard.register)
    keyring_clear(&shard.keyring)
    exchanges_clear(&shard.exchanges)
    batches_clear(&shard.batches)
    buffer_clear(&shard.unheard)
    memset(shard, 0, sizeof(Shard))


# --- time ---------------------------------------------------------------------------------------

cdef int64_t days_of(int64_t year, int64_t month, int64_t day) noexcept nogil:
    """Days from 1970-01-01 to a Gregorian date (years begin in March, so leap days come last)."""
    cdef int64_t shifted = year if month > 2 else year - 1
    cdef int64_t era = shifted // 400
    cdef int64_t year_of_era = shifted - era * 400
    cdef int64_t month_from_march = month - 3 if month > 2 else month + 9
    cdef int64_t day_of_year = (153 * month_from_march + 2) // 5 + day - 1
    return (era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100
            + day_of_year - 719468)


cdef int64_t seconds_of(int32_t at, uint32_t near_s, int32_t utc_offset_s) noexcept nogil:
    """Give the Unix second of a local MMDDhhmmss in the year that puts it nearest to `near_s`.

    -1 when it is no date and time at all.
    """
    cdef int64_t month = at // 100000000
    cdef int64_t day = at // 1000000 % 100
    cdef int64_t hour = at // 10000 % 100
    cdef int64_t minute = at // 100 % 100
    cdef int64_t second = at % 100
    cdef int64_t near_days = (<int64_t> near_s + utc_offset_s) // SECONDS_A_DAY
    cdef int64_t year = 1970 + near_days * 400 // 146097
    cdef int64_t days
    if at < 0 or not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60
                      and second < 60):
        return -1
    days = days_of(year, month, day)
    if days - near_days > HALF_A_YEAR_DAYS:
        days = days_of(year - 1, month, day)
    elif near_days - days > HALF_A_YEAR_DAYS:
        days = days_of(year + 1, month, day)
    return days * SECONDS_A_DAY + hour * 3600 + minute * 60 + second - utc_offset_s


# --- undoing ------------------------------------------------------------------------------------

cdef int64_t undone_share(int64_t amount, int64_t undone, int64_t approved) noexcept nogil:
    """Give how much of a move is undone when `undone` of `approved` is, rounded down.

    A function of the total alone: however it is reached, in whatever parts, the same is undone, and
    all of it when all is.
    """
    return amount if undone == approved else share(amount, undone, approved)


cdef bint has_expired(const Card *card, const Moment *now) noexcept nogil:
    """A card is good to the last second of its month (Gregorian, as embossed)."""
    cdef int32_t month = card.expires_yymm % 100
    cdef int32_t first_of_next = ((month % 12 + 1) * 100 + 1) * 1000000
    cdef int32_t year = 2000 + card.expires_yymm // 100 + (1 if month == 12 else 0)
    cdef int64_t ends = seconds_of(first_of_next, near_month(year, month % 12), now.utc_offset_s)
    return <int64_t> now.unix_s >= ends


cdef inline uint32_t near_month(int32_t year, int32_t months) noexcept nogil:
    """A second near the end of the first `months` of a year: `seconds_of` finds that year."""
    return <uint32_t> ((year - 1970) * 31556952LL + months * 2629746LL)


cdef inline const Slot *slot_of(const Shard *shard, const Account *account) noexcept nogil:
    """What a card's account is for; NULL for another owner's."""
    if account.owner_kind != OWNER_CARD:
        return NULL
    return &shard.plans[
        shard.register.cards[account.owner].programme_row].slots[account.slot]


cdef bint is_held(const Shard *shard, const Account *account) noexcept nogil:
    """Does a card's account hold what is reserved of another one?"""
    cdef const Slot *slot = slot_of(shard, account)
    return slot != NULL and slot.held


cdef bint ends_with_hold(const Shard *shard, const Account *account) noexcept nogil:
    """Does what a hold put into this account leave it when the hold ends, however it ends?"""
    cdef const Slot *slot
    if account.owner_kind == OWNER_BUDGET:
        return True
    slot = slot_of(shard, account)
    return slot != NULL and (slot.held or (slot.counts and not slot.due))


# --- open holds by expiry: a binary heap --------------------------------------------------------

cdef int due_push(Shard *shard, uint32_t expires_s, int64_t seq) noexcept nogil:
    """Remember when a hold ends. 0, or -1 without memory."""
    cdef HoldDue *grown
    cdef HoldDue other
    cdef int32_t at = shard.due_count
    cdef int32_t parent
    if shard.due_count == shard.due_capacity:
        grown = <HoldDue *> realloc(
            shard.due, (<size_t> shard.due_capacity * 2 + 256) * sizeof(HoldDue))
        if grown == NULL:
            return -1
        shard.due = grown
        shard.due_capacity = shard.due_capacity * 2 + 256
    shard.due[at].expires_s = expires_s
    shard.due[at].seq = seq
    shard.due_count += 1
    while at > 0:
        parent = (at - 1) // 2
        if shard.due[parent].expires_s <= shard.due[at].expires_s:
            break
        other = shard.due[parent]
        shard.due[parent] = shard.due[at]
        shard.due[at] = other
        at = parent
    return 0


cdef int due_pop(Shard *shard, uint32_t now_s, int64_t *seq) noexcept nogil:
    """Take the hold that ended first, if it has ended by now. 1, or 0 for none."""
    cdef HoldDue other
    cdef int32_t at = 0
    cdef int32_t child
    if shard.due_count == 0 or shard.due[0].expires_s > now_s:
        return 0
    seq[0] = shard.due[0].seq
    shard.due_count -= 1
    shard.due[0] = shard.due[shard.due_count]
    while True:
        child = 2 * at + 1
        if child >= shard.due_count:
            return 1
        if (child + 1 < shard.due_count
                and shard.due[child + 1].expires_s < shard.due[child].expires_s):
            child += 1
        if shard.due[at].expires_s <= shard.due[child].expires_s:
            return 1
        other = shard.due[child]
        shard.due[child] = shard.due[at]
        shard.due[at] = other
        at = child


# --- what follows from a row --------------------------------------------------------------------

cdef uint8_t class_of(int16_t mti) noexcept nogil:
    cdef int16_t root = mti // 10
    if root == 10:
        return CLASS_AUTHORISATION
    if root == 20:
        return CLASS_FINANCIAL
    if root == 22:
        return CLASS_ADVICE
    if root == 40:
        return CLASS_REVERSAL
    if root == 42:
        return CLASS_REVERSAL_ADVICE
    return CLASS_NETWORK if root == 80 else CLASS_NONE


cdef bint is_approved(const Row *row) noexcept nogil:
    """00 or 10."""
    return row.response_code[1] == 48 and (row.response_code[0] == 48 or row.response_code[0] == 49)


cdef bint counts_for_limits(uint8_t operation) noexcept nogil:
    return (operation == PURCHASE or operation == POINTS_PAYMENT or operation == HOLD
            or operation == PREAUTHORISATION)


cdef void count_for_limits(Shard *shard, const Row *row) noexcept nogil:
    """Add to what the card has spent on its business day.

    A card's day never goes back: acquirers that have cut over and others take turns with it.
    """
    cdef Card *card
    if row.card < 0:
        return
    card = &shard.register.cards[row.card]
    if card.day < row.business_day:
        card.day = row.business_day
        card.day_spent_minor = 0
        card.day_count = 0
    card.day_spent_minor += row.approved_minor
    card.day_count += 1


cdef int16_t day_count_returned(const Shard *shard, const Exchange *original,
                                int64_t undone) noexcept nogil:
    """Give what a reversal that leaves `undone` writes into its row of the card's day limits.

    -1: nothing is given back, what it undoes was spent on another day than the card's. Written
    down, because whoever replays the row may not hold the original in memory.
    """
    if (original.card < 0 or not counts_for_limits(original.operation)
            or shard.register.cards[original.card].day != original.business_day):
        return -1
    return undone == original.approved_minor


cdef void return_to_limits(Shard *shard, const Row *row) noexcept nogil:
    """Give back to the card's day what the row says."""
    if row.card < 0 or row.day_count_returned < 0:
        return
    shard.register.cards[row.card].day_spent_minor -= row.approved_minor
    shard.register.cards[row.card].day_count -= row.day_count_returned


cdef void undo_in_original(Shard *shard, const Row *row, Exchange *original) noexcept nogil:
    """A reversal's or refund's row changes what it names."""
    cdef int64_t change = row.undone_minor - original.undone_minor
    cdef Exchange *refunded
    original.undone_minor = row.undone_minor
    if row.operation != REVERSAL:
        return
    if original.operation == REFUND:
        refunded = exchange_by_seq(&shard.exchanges, original.original_seq)
        if refunded != NULL:
            refunded.undone_minor -= change
    if original.undone_minor != original.approved_minor:
        return
    if original.state == STATE_HELD:
        exchange_set_state(&shard.exchanges, original, STATE_RELEASED)
    elif original.state == STATE_APPROVED:
        exchange_set_state(&shard.exchanges, original, STATE_REVERSED)


cdef void note_clock(Shard *shard, const Row *row) noexcept nogil:
    """Keep how far a terminal's clocks have been ahead of ours: see `forgotten` in `_steps`."""
    cdef Terminal *terminal
    cdef int64_t received_s = row.received_us // 1000000
    if row.terminal < 0:
        return
    terminal = &shard.register.terminals[row.terminal]
    note_ahead(&terminal.local_ahead_s, row.local_at, received_s)
    note_ahead(&terminal.sent_ahead_s, row.transmitted_at, received_s)


cdef inline void note_ahead(int32_t *ahead_s, int32_t at, int64_t received_s) noexcept nogil:
    # Read as UTC here and in `forgotten`: the zone is then in the difference both times.
    cdef int64_t claimed = seconds_of(at, <uint32_t> received_s, 0)
    if claimed >= 0 and claimed - received_s > ahead_s[0]:
        ahead_s[0] = <int32_t> (claimed - received_s)


cdef void note_proofs(Shard *shard, const Row *row) noexcept nogil:
    """Count PIN tries, and keep the counters that may only grow."""
    cdef Card *card
    if row.terminal >= 0 and row.key_serial >= 0:
        shard.register.terminals[row.terminal].key_counter = <int32_t> row.key_serial
    if row.card < 0:
        return
    card = &shard.register.cards[row.card]
    if row.proofs & PROOF_PIN:
        card.pin_tries = 0
    elif row.reason == PIN_WRONG and card.pin_tries < 255:
        card.pin_tries += 1
    if row.card_counter > card.counter:
        card.counter = row.card_counter


cdef void count_try(Tries *tries, int32_t business_day) noexcept nogil:
    if tries.day < business_day:
        tries.day = business_day
        tries.count = 0
    tries.count += 1


cdef void note_vouchers(Shard *shard, const Row *row, bint approved) noexcept nogil:
    """Count wrong PINs of vouchers, and keep who has got the value of which.

    The row tells all of it, so it is the same on replay: the moves name the voucher.
    """
    cdef const Account *account
    cdef int64_t voucher
    cdef int i
    if row.reason == VOUCHER_REFUSED and row.card >= 0 and row.terminal >= 0:
        count_try(&shard.register.cards[row.card].voucher_tries, row.business_day)
        count_try(&shard.register.terminals[row.terminal].voucher_tries, row.business_day)
    if not approved or (row.operation != VOUCHER_REDEMPTION and row.operation != REVERSAL):
        return
    for i in range(row.move_count):
        account = &shard.book.accounts[
            row.moves[i].to_account if row.operation == REVERSAL else row.moves[i].from_account]
        if account.owner_kind != OWNER_CARD or account.owner == row.card:
            continue
        voucher = shard.register.cards[account.owner].voucher
        if voucher >= 0:
            shard.register.vouchers[voucher].redeemed_by = (
                NOT_REDEEMED if row.operation == REVERSAL else <uint32_t> row.card)


cdef uint8_t state_after(const Row *row) noexcept nogil:
    if not is_approved(row):
        return STATE_DECLINED
    if row.operation == HOLD or row.operation == PREAUTHORISATION:
        return STATE_HELD
    return STATE_APPROVED


cdef int32_t owner_of(const Shard *shard, const Request *request) noexcept nogil:
    """Which shard decides a request: its card's, this one for an echo, or EVERY_SHARD.

    Sign-on, sign-off and cut-over change terminals and acquirers, which every shard has.
    """
    if request.has_card:
        return shard.owners[<int> request.card_token[0] << 4 | request.card_token[1] >> 4]
    if request.message_class == CLASS_NETWORK and request.operation != ECHO:
        return EVERY_SHARD
    return shard.number


cdef void assigned_rrn(int16_t number, int64_t seq, char *out) noexcept nogil:
    """Write the RRN that the switch gives to a message that has none: its sequence, 12 digits.

    The first two are the shard's number, so that no two shards of a machine give the same.
    """
    cdef int i
    seq += number * 10000000000LL
    for i in range(11, -1, -1):
        out[i] = <char> (48 + seq % 10)
        seq = seq // 10


cdef bint rrn_was_sent(int16_t number, const Row *row) noexcept nogil:
    cdef char assigned[12]
    assigned_rrn(number, row.seq, assigned)
    return row.rrn[0] != 0 and memcmp(row.rrn, assigned, 12) != 0


cdef int add_exchange(Shard *shard, const Row *row) noexcept nogil:
    """Remember a message and its answer. 0, or -1 (a mistake of ours)."""
    cdef Exchange entry
    cdef Exchange *added
    memset(&entry, 0, sizeof(Exchange))
    entry.fingerprint = row.fingerprint
    entry.seq = row.seq
    entry.card = row.card
    entry.approved_minor = 1 if is_without_amount(row.operation) else row.approved_minor
    entry.original_seq = row.original_seq
    entry.points = row.points_redeemed
    entry.terminal = row.terminal
    entry.stan = row.stan
    entry.local_at = row.local_at
    entry.transmitted_at = row.transmitted_at
    entry.received_s = <uint32_t> (row.received_us // 1000000)
    entry.hold_expires_s = <uint32_t> (row.hold_expires_us // 1000000)
    entry.business_day = row.business_day
    memcpy(entry.rrn, row.rrn, 12)
    memcpy(entry.response_code, row.response_code, 2)
    memcpy(entry.authorisation_code, row.authorisation_code, 6)
    entry.rrn_sent = rrn_was_sent(shard.number, row)
    entry.message_class = class_of(row.mti)
    entry.state = state_after(row)
    entry.operation = <uint8_t> row.operation
    added = exchange_add(&shard.exchanges, &entry)
    if added == NULL or detail_put(&shard.exchanges, added, row.moves, row.move_count,
                                   row.reply, row.reply_bytes) != 0:
        return -1
    if entry.state == STATE_HELD:
        return due_push(shard, entry.hold_expires_s, entry.seq)
    return 0


cdef int add_tombstone(Shard *shard, const Row *row) noexcept nogil:
    """Remember a reversal of something that has not arrived: it will be declined when it does."""
    cdef Exchange entry
    memset(&entry, 0, sizeof(Exchange))
    entry.seq = -row.seq            # beside the reversal's own entry, which has the sequence itself
    entry.card = row.card
    entry.terminal = row.terminal
    entry.stan = row.original_stan
    entry.local_at = row.original_at
    entry.transmitted_at = -1
    entry.received_s = <uint32_t> (row.received_us // 1000000)
    entry.message_class = <uint8_t> row.original_class
    entry.state = STATE_TOMBSTONE
    return 0 if exchange_add(&shard.exchanges, &entry) != NULL else -1


cdef int settle(Shard *shard, Row *row) noexcept nogil:
    """Write what follows from a row, apart from its moves. 0, or -1 (a mistake of ours)."""
    cdef Exchange *original
    cdef int32_t acquirer
    cdef bint approved = is_approved(row)
    if row.kind == KIND_HOLD_EXPIRY:
        original = exchange_by_seq(&shard.exchanges, row.original_seq)
        if original != NULL:
            original.undone_minor = row.undone_minor
            exchange_set_state(&shard.exchanges, original, STATE_EXPIRED)
        return 0
    if row.kind != KIND_EXCHANGE:
        return 0
    note_clock(shard, row)
    note_proofs(shard, row)
    if row.reason == VOUCHER_REFUSED or shard.register.voucher_count > 0:
        note_vouchers(shard, row, approved)
    if approved:
        original = NULL
        if row.original_seq != 0:
            original = exchange_by_seq(&shard.exchanges, row.original_seq)
        if counts_for_limits(<uint8_t> row.operation):
            count_for_limits(shard, row)
        elif row.operation == COMPLETION and original != NULL:
            exchange_set_state(&shard.exchanges, original, STATE_CAPTURED)
        elif row.undone_minor >= 0:
            return_to_limits(shard, row)
            if original != NULL:
                undo_in_original(shard, row, original)
        elif row.operation == SIGN_ON or row.operation == SIGN_OFF:
            shard.register.terminals[row.terminal].signed_off = row.operation == SIGN_OFF
        elif row.operation == CUT_OVER:
            acquirer = find_acquirer(&shard.register, row.acquirer)
            if acquirer < 0:
                return -1
            shard.register.acquirers[acquirer].business_day = row.business_day
        if row.reason == REVERSED_UNKNOWN_ORIGINAL and add_tombstone(shard, row) != 0:
            return -1
    if row.reason == DUPLICATE_WITH_OTHER_CONTENT:
        return 0                # the key belongs to the first message
    return add_exchange(shard, row)


cdef int replay(Shard *shard, Row *row) noexcept nogil:
    """Carry out a row of the journal. A MoveFault, or -1: then the journal contradicts itself."""
    cdef int i, fault
    for i in range(row.move_count):
        fault = book_apply(&shard.book, &row.moves[i], True)
        if fault != MOVE_DONE:
            return fault
    shard.last_seq = row.seq
    memcpy(shard.chain, row.chain, 32)
    return settle(shard, row)


cdef int remember_row(Shard *shard, const Row *row, int state, int64_t undone_minor) noexcept nogil:
    """Put a row back among the exchanges with its details. 0, or -1.

    What has become of it is what memory still knows, else `state` and `undone_minor` (-1 =
    nothing).
    """
    cdef Exchange *entry = exchange_by_seq(&shard.exchanges, row.seq)
    cdef uint8_t state_kept = STATE_DECLINED
    cdef int64_t undone_kept = 0
    cdef bint known = entry != NULL
    if known:
        state_kept = entry.state
        undone_kept = entry.undone_minor
    if add_exchange(shard, row) != 0:
        return -1
    entry = exchange_by_seq(&shard.exchanges, row.seq)
    if known:
        entry.undone_minor = undone_kept
        exchange_set_state(&shard.exchanges, entry, state_kept)
    elif state >= 0:
        entry.undone_minor = undone_minor
        exchange_set_state(&shard.exchanges, entry, <uint8_t> state)
    if (row.reason == REVERSED_UNKNOWN_ORIGINAL
            and exchange_by_seq(&shard.exchanges, -row.seq) == NULL):
        return add_tombstone(shard, row)
    return 0


cdef int keep_unheard(Shard *shard, const Row *row) noexcept nogil:
    """Keep a row's event for Python (`switch._hosts.take_row_events`). 0, or -1 without memory."""
    cdef Buffer *unheard = &shard.unheard
    cdef uint64_t head[2]
    head[0] = <uint64_t> row.seq
    head[1] = <uint64_t> row.event_bytes
    if buffer_reserve(unheard, sizeof(head) + row.event_bytes) != 0:
        return -1
    memcpy(unheard.data + unheard.bytes, head, sizeof(head))
    memcpy(unheard.data + unheard.bytes + sizeof(head), row.event, row.event_bytes)
    unheard.bytes += sizeof(head) + row.event_bytes
    return 0


cdef int journal_row(Shard *shard, Row *row) noexcept nogil:
    """Give a row its sequence, chain and place in the next batch. 0, or -1 without memory."""
    row.seq = shard.last_seq + 1
    row.epoch = shard.epoch
    row.shard = shard.number
    if batches_append(&shard.batches, row, shard.chain) != 0:
        return -1
    shard.last_seq = row.seq
    if row.event != NULL and row.kind == KIND_EXCHANGE:
        return keep_unheard(shard, row)
    return 0
