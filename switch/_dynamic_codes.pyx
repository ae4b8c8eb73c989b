"""Stripe mode of contactless cards. See `_dynamic_codes.pxd`."""

from libc.stdint cimport int64_t
from libc.string cimport memset

from switch._keyring cimport IssuerKeys, issuer_keys
from switch._register cimport find_card

cdef enum:
    COUNTER_MAX = 65535
    PAN_DIGITS_MIN = 13
    PAN_DIGITS_MAX = 19
    BEFORE_DISCRETIONARY = 8            # separator, expiry, service code
    TRACK2_CHARACTERS_MAX = 37
    PLACES_MAX = 16                     # bits of a bitmap


cdef inline int bit_count(unsigned int bits) noexcept nogil:
    cdef int count = 0
    while bits:
        bits &= bits - 1
        count += 1
    return count


cdef void pack(DynamicTrack *found, Py_ssize_t at, uint8_t nibble) noexcept nogil:
    found.fixed[at // 2] |= nibble if at % 2 else <uint8_t> (nibble << 4)


cdef bint read_dynamic_track(const CodePlaces *places, const char *track, Py_ssize_t count,
                             DynamicTrack *found) noexcept nogil:
    """Take a track apart. False when it has no such places, or something else in them."""
    cdef int number_digits = bit_count(places.number) - places.counter_digits
    cdef int in_code = 5 - bit_count(places.code)
    cdef int in_number = 8 - number_digits
    cdef int in_counter = 0
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t place
    cdef uint8_t digit
    memset(found, 0, sizeof(DynamicTrack))
    memset(found.code, 88, sizeof(found.code))
    memset(found.number, 48, sizeof(found.number))
    if count > TRACK2_CHARACTERS_MAX:
        return False
    while at < count and 48 <= track[at] <= 57:
        pack(found, at, <uint8_t> (track[at] - 48))
        at += 1
    found.pan_digits = <uint8_t> at
    place = count - at - BEFORE_DISCRETIONARY           # how many digits are there
    if not PAN_DIGITS_MIN <= at <= PAN_DIGITS_MAX or place < 1:
        return False
    if place < PLACES_MAX and (places.code | places.number) >> place:
        return False
    pack(found, at, 13)                                 # D, whichever separator was sent
    for at in range(at + 1, count):
        if not 48 <= track[at] <= 57:
            return False
        digit = <uint8_t> (track[at] - 48)
        place = count - 1 - at
        if place >= PLACES_MAX or at < found.pan_digits + BEFORE_DISCRETIONARY:
            pack(found, at, digit)
        elif places.code >> place & 1:
            found.code[in_code] = track[at]
            in_code += 1
        elif places.number >> place & 1 and in_counter < places.counter_digits:
            found.counter_digits = found.counter_digits * 10 + digit
            in_counter += 1
        elif places.number >> place & 1:
            found.number[in_number] = track[at]
            in_number += 1
        elif place > 0:
            pack(found, at, digit)
        elif digit != number_digits:
            return False
    if count % 2:
        pack(found, count, 15)
    found.fixed_bytes = <size_t> ((count + 1) // 2)
    return True


cdef int32_t counter_after(const CodePlaces *places, int32_t last, int32_t digits) noexcept nogil:
    """The next counter after `last` that ends in these digits; -1 when it would be too far ahead.
    """
    cdef int32_t turn = 1
    cdef int32_t ahead
    cdef int i
    for i in range(places.counter_digits):
        turn *= 10
    ahead = (digits - last - 1) % turn
    if ahead < 0:
        ahead += turn
    ahead += 1
    if (digits < 0 or ahead > turn // 2 or ahead > COUNTERS_AHEAD_MAX
            or last + ahead > COUNTER_MAX):
        return -1
    return last + ahead


cdef void note_counter_digits(const Shard *shard, const char *track, Py_ssize_t count,
                              Request *request) noexcept nogil:
    """Write down the counter's digits of a track in stripe mode; -1 when there are none to read."""
    cdef const IssuerKeys *issuer
    cdef DynamicTrack found
    cdef int64_t card
    request.counter_digits = -1
    if request.entry_mode != MODE_CONTACTLESS_STRIPE or not request.has_track2:
        return
    card = find_card(&shard.register, request.card_token)
    if card < 0:
        return
    issuer = issuer_keys(&shard.keyring, shard.register.cards[card].programme_row)
    if (issuer != NULL and issuer.dynamic_code.bytes
            and read_dynamic_track(&issuer.places, track, count, &found)):
        request.counter_digits = found.counter_digits
    memset(&found, 0, sizeof(found))
