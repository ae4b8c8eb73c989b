"""Writing replies by a profile's tables. See `_replies.pxd`."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from switch._calendar cimport CALENDAR_GREGORIAN, CivilDate, civil_of
from switch._keyring cimport TerminalKeys, terminal_keys
from switch._mapping cimport (
    F_AMOUNT, F_AUTHORISATION_CODE, F_BALANCES, F_CHIP_DATA, F_MAC, F_MAC_EXTENDED, F_PRIVATE,
    F_RESPONSE_CODE, F_RRN, T_BOUND, T_CASH, T_DATA_KEY, T_DISCOUNT, T_DISCOUNT_RULE, T_DUE,
    T_EARN_BOUND, T_EARN_RULE, T_FAULT_ELEMENT, T_FEE, T_FIRST_DUE, T_FIRST_INSTALMENT, T_FUNDER,
    T_INSTALMENTS, T_MAC_KEY, T_MONEY, T_OWED, T_PARTS, T_PIN_KEY, T_PLAN, T_POINTS_EARNED,
    T_POINTS_REDEEMED, T_POINTS_VALUE, T_REASON, T_REBATE, T_TIER, T_UNTIL, T_VOUCHER_MONEY,
    T_VOUCHER_POINTS, ReplyStep,
)
from switch._plan cimport Plan, Told
from switch._shard cimport PROOF_CRYPTOGRAM
from switch._words cimport (
    PARTIALLY_APPROVED, REASON_NONE, REPAYMENT, SETTLEMENT, VOUCHER_REDEMPTION,
    is_without_amount,
)
from switch.iso8583._codec cimport (
    Writer, has, write_begin, write_bytes, write_copy, write_digits, write_end, write_text,
)

cdef enum:
    BALANCE_CHARACTERS = 20
    NO_CURRENCY = 999           # points, counts
    SECONDS_A_DAY = 86400
    LEDGER = 1                  # amount types: what there is, and what may leave now
    AVAILABLE = 2

cdef int64_t BALANCE_MAX = 999999999999LL   # what the 12 digits of DE 54 can say


cdef const char *FUNDERS = b"-MCS"          # merchant, club, shared

cdef struct Private:            # the private element while it grows
    char characters[400]
    Py_ssize_t count


cdef void put_tag(Private *private, const char *tag, const char *value,
                  Py_ssize_t count) noexcept nogil:
    """Append tag, three digits of length, value."""
    cdef char *out = private.characters + private.count
    if private.count + 5 + count > 400:
        return
    memcpy(out, tag, 2)
    out[2] = <char> (48 + count // 100)
    out[3] = <char> (48 + count // 10 % 10)
    out[4] = <char> (48 + count % 10)
    memcpy(out + 5, value, <size_t> count)
    private.count += 5 + count


cdef void put_number(Private *private, const char *tag, int64_t value) noexcept nogil:
    """Append a tag with a number above zero; zero is left out."""
    cdef char characters[20]
    cdef int at = 20
    if value <= 0:
        return
    while value:
        at -= 1
        characters[at] = <char> (48 + value % 10)
        value = value // 10
    put_tag(private, tag, characters + at, 20 - at)


cdef void put_name(Private *private, const char *tag, const char *name,
                   Py_ssize_t room) noexcept nogil:
    """Append a tag with a name that ends at a zero byte."""
    cdef Py_ssize_t count = 0
    while count < room and name[count]:
        count += 1
    if count:
        put_tag(private, tag, name, count)


cdef void put_keys(const Shard *shard, const Profile *profile, const Decision *decision,
                   Private *private) noexcept nogil:
    """A terminal's new session keys, under its own master key."""
    cdef const TerminalKeys *keys = terminal_keys(&shard.keyring, decision.row.terminal)
    if keys.told_pin.bytes:
        put_tag(private, profile.tags[T_PIN_KEY], keys.told_pin.text, keys.told_pin.bytes)
    if keys.told_mac.bytes:
        put_tag(private, profile.tags[T_MAC_KEY], keys.told_mac.text, keys.told_mac.bytes)
    if keys.told_data.bytes:
        put_tag(private, profile.tags[T_DATA_KEY], keys.told_data.text, keys.told_data.bytes)


cdef void put_parts(const Plan *plan, const Profile *profile, const Decision *decision,
                    Private *private) noexcept nogil:
    """What each wallet pays, where there are several: `name:amount`, with spaces between."""
    cdef char text[200]
    cdef char digits[20]
    cdef Py_ssize_t count = 0
    cdef int32_t i, at
    cdef int64_t rest
    for i in range(plan.part_count if plan.part_count > 1 else 0):
        rest = decision.parts[i]
        if rest <= 0:
            continue
        if count:
            text[count] = 32
            count += 1
        at = 0
        while at < 24 and plan.parts[i][at]:
            text[count] = plan.parts[i][at]
            count += 1
            at += 1
        text[count] = 58
        count += 1
        at = 20
        while rest:
            at -= 1
            digits[at] = <char> (48 + rest % 10)
            rest = rest // 10
        memcpy(text + count, digits + at, <size_t> (20 - at))
        count += 20 - at
        if count > 150:
            break
    if count:
        put_tag(private, profile.tags[T_PARTS], text, count)


cdef void put_date(Private *private, const char *tag, int64_t ends_s,
                   int32_t utc_offset_s) noexcept nogil:
    """The last local day before a second, YYYYMMDD (Gregorian); none for 0."""
    cdef CivilDate date
    cdef char text[8]
    cdef int32_t rest
    cdef int i
    if ends_s <= 0 or not civil_of(
            CALENDAR_GREGORIAN, <int32_t> ((ends_s + utc_offset_s - 1) // SECONDS_A_DAY), &date):
        return
    rest = date.year * 10000 + date.month * 100 + date.day
    for i in range(7, -1, -1):
        text[i] = <char> (48 + rest % 10)
        rest = rest // 10
    put_tag(private, tag, text, 8)


cdef void put_card(const Plan *plan, const Profile *profile, const Decision *decision,
                   Private *private) noexcept nogil:
    """What the card's products add: who pays what, fee, level, until when."""
    put_parts(plan, profile, decision, private)
    if (is_without_amount(decision.row.operation) or decision.row.operation == REPAYMENT
            or decision.row.operation == SETTLEMENT):
        put_number(private, profile.tags[T_FEE], decision.fee_minor)
    if decision.instalments:
        put_name(private, profile.tags[T_PLAN], plan.plans[decision.terms - 1], 24)
        put_number(private, profile.tags[T_INSTALMENTS], decision.instalments)
        put_number(private, profile.tags[T_FIRST_INSTALMENT], decision.first_minor)
        put_date(private, profile.tags[T_FIRST_DUE], decision.first_ends_s, decision.utc_offset_s)
    if decision.row.operation == VOUCHER_REDEMPTION:
        put_number(private, profile.tags[T_VOUCHER_MONEY], decision.row.approved_minor)
    put_number(private, profile.tags[T_VOUCHER_POINTS], decision.voucher_points)
    put_number(private, profile.tags[T_OWED], decision.owed_minor)
    put_number(private, profile.tags[T_DUE], decision.due_minor)
    put_number(private, profile.tags[T_REBATE], decision.rebate_minor)
    if decision.tier >= 0 and plan.tiers[0][0]:
        put_name(private, profile.tags[T_TIER], plan.tiers[decision.tier], 24)
    put_date(private, profile.tags[T_UNTIL], decision.until_s, decision.utc_offset_s)


cdef void fill_private(const Shard *shard, const Profile *profile, const Decision *decision,
                       const Faults *faults, Private *private) noexcept nogil:
    """What was discounted, paid, redeemed and earned, by which rule, or why not."""
    cdef const Plan *plan
    private.count = 0
    if decision == NULL:
        put_name(private, profile.tags[T_REASON], shard.reason_names[faults.reason], 48)
        put_number(private, profile.tags[T_FAULT_ELEMENT], faults.element)
        return
    put_number(private, profile.tags[T_DISCOUNT], decision.row.discount_minor)
    if decision.funder:
        put_tag(private, profile.tags[T_FUNDER], &FUNDERS[decision.funder], 1)
    put_number(private, profile.tags[T_MONEY], decision.money_minor)
    put_number(private, profile.tags[T_POINTS_REDEEMED], decision.row.points_redeemed)
    put_number(private, profile.tags[T_POINTS_VALUE], decision.points_value_minor)
    put_number(private, profile.tags[T_POINTS_EARNED], decision.row.points_earned)
    put_number(private, profile.tags[T_CASH], decision.cash_minor)
    if decision.plan_row >= 0:
        plan = &shard.plans[decision.plan_row]
        put_card(plan, profile, decision, private)
        if decision.discount_rule:
            put_name(private, profile.tags[T_DISCOUNT_RULE],
                     plan.names[decision.discount_rule - 1], 24)
        if decision.earn_rule:
            put_name(private, profile.tags[T_EARN_RULE], plan.names[decision.earn_rule - 1], 24)
        if decision.bounds[0]:
            put_name(private, profile.tags[T_BOUND], plan.bounds[decision.bounds[0] - 1], 24)
        if decision.bounds[1]:
            put_name(private, profile.tags[T_EARN_BOUND], plan.bounds[decision.bounds[1] - 1], 24)
    if decision.tells_keys:
        put_keys(shard, profile, decision, private)
    if decision.row.reason != REASON_NONE:
        put_name(private, profile.tags[T_REASON], shard.reason_names[decision.row.reason], 48)


cdef Py_ssize_t put_balance(char *out, int account_type, int amount_type, int32_t currency,
                            int64_t amount) noexcept nogil:
    """One balance: account and amount type, currency, sign, 12 digits."""
    cdef int i
    out[0] = <char> (48 + account_type // 10)
    out[1] = <char> (48 + account_type % 10)
    out[2] = 48
    out[3] = <char> (48 + amount_type)
    for i in range(3):
        out[6 - i] = <char> (48 + currency % 10)
        currency = currency // 10
    out[7] = 67 if amount >= 0 else 68
    if amount < 0:
        amount = -amount
    if amount > BALANCE_MAX:
        amount = BALANCE_MAX
    for i in range(12):
        out[19 - i] = <char> (48 + amount % 10)
        amount = amount // 10
    return BALANCE_CHARACTERS


cdef Py_ssize_t fill_balances(const Shard *shard, const Request *request,
                              const Decision *decision, char *out) noexcept nogil:
    cdef int32_t currency = shard.register.clubs[
        shard.register.merchants[decision.row.merchant].club_row].currency
    cdef const Plan *plan = &shard.plans[decision.plan_row]
    cdef const Told *told
    cdef Py_ssize_t at = 0
    cdef int32_t i, unit
    if request.recall.issuer != NULL:       # its own bank's
        memcpy(out, request.recall.issuer.balances, request.recall.issuer.balances_count)
        return request.recall.issuer.balances_count
    for i in range(plan.told_count):
        told = &plan.told[i]
        if decision.points_only and not told.in_points:
            continue
        unit = NO_CURRENCY if told.in_points else currency
        at += put_balance(out + at, told.account_type, LEDGER, unit, decision.balances[2 * i])
        at += put_balance(out + at, told.account_type, AVAILABLE, unit,
                          decision.balances[2 * i + 1])
    return at


cdef int write_step(const Shard *shard, const Profile *profile, const ReplyStep *step,
                    const Scan *scan, const uint8_t *data, const Request *request,
                    const Decision *decision, const Private *private,
                    Writer *writer) noexcept nogil:
    """Write one element of the reply, if there is anything to say. 0 or -1."""
    cdef char balances[120]
    cdef Py_ssize_t count
    cdef uint8_t answer[12]
    if step.field == F_AMOUNT and decision != NULL and decision.row.reason == PARTIALLY_APPROVED:
        return write_digits(writer, step.element, <uint64_t> decision.row.approved_minor)
    if step.echoed:
        return write_copy(writer, step.element, scan, data) if has(scan, step.element) else 0
    if step.field == F_PRIVATE:
        if private.count == 0:
            return 0
        return write_text(writer, step.element, private.characters, <size_t> private.count)
    if decision == NULL:
        return write_copy(writer, step.element, scan, data) if (
            step.field == F_RRN and has(scan, step.element)) else 0
    if (step.field == F_CHIP_DATA and decision.row.proofs & PROOF_CRYPTOGRAM
            and decision.row.response_code[1] == 48):
        # The answer to the chip's cryptogram says 00: a declined message gets none.
        memcpy(answer, b"\x91\x0a", 2)
        memcpy(answer + 2, request.recall.verdict.card_answer, 8)
        memcpy(answer + 10, b"00", 2)
        return write_bytes(writer, step.element, answer, 12)
    if step.field == F_RRN and decision.row.rrn[0]:
        return write_text(writer, step.element, decision.row.rrn, 12)
    if step.field == F_AUTHORISATION_CODE and decision.row.authorisation_code[0]:
        return write_text(writer, step.element, decision.row.authorisation_code, 6)
    if step.field == F_BALANCES and decision.tells_balances:
        count = fill_balances(shard, request, decision, balances)
        return write_text(writer, step.element, balances, <size_t> count) if count else 0
    return 0


cdef const uint8_t *no_mac = b"\0\0\0\0\0\0\0\0"       # until the HSM has made it
cdef const uint8_t *no_mac_characters = b"0000000000000000"


cdef Py_ssize_t write_reply(const Shard *shard, const Profile *profile, const Scan *scan,
                            const uint8_t *data, const Request *request,
                            const Decision *decision, const Faults *faults, bint sealed,
                            uint8_t *out, size_t out_bytes) noexcept nogil:
    """Write the reply to a decision, or to a message refused for `faults` (decision NULL).

    Elements that the scan did not reach are left out. A reply that will be sealed ends with zeros
    where its MAC goes. Bytes written, or -1.
    """
    cdef Writer writer
    cdef bint extended = False
    cdef Private private
    cdef char mti[4]
    cdef int rest = request.mti - request.mti % 10 + 10
    cdef const ReplyStep *step
    cdef int32_t i
    for i in range(3, -1, -1):
        mti[i] = <char> (48 + rest % 10)
        rest = rest // 10
    fill_private(shard, profile, decision, faults, &private)
    if write_begin(&writer, profile.spec, out, out_bytes, mti) != 0:
        return -1
    for i in range(profile.step_count):
        step = &profile.steps[i]
        if step.element > profile.element[F_MAC] and step.echoed and has(scan, step.element):
            extended = True
    for i in range(profile.step_count):
        step = &profile.steps[i]
        if step.field == F_RESPONSE_CODE:
            if write_text(&writer, step.element,
                          (<const char *> decision.row.response_code if decision != NULL
                           else <const char *> shard.response_codes[faults.reason]), 2) != 0:
                return -1
        elif write_step(shard, profile, step, scan, data, request, decision, &private,
                        &writer) != 0:
            return -1
    if sealed and write_bytes(&writer, profile.element[F_MAC_EXTENDED if extended else F_MAC],
                              no_mac if profile.mac_bytes == 8 else no_mac_characters,
                              <size_t> profile.mac_bytes) != 0:
        return -1
    return write_end(&writer)
