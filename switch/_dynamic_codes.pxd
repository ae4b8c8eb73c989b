"""Stripe mode of contactless cards: a track 2 with a code (CVC3) that is good once.

Owns where a track has which digits (its issuer says: `CodePlaces`) and which counter they stand
for. Knows neither keys nor commands. The terminal's side of it is `acquirers`' stripe mode.

Source: EMV Contactless Book C-2, mag-stripe mode. From the left of the track's discretionary data:
the places of the code hold its last digits; of the places of `number` the first ones hold the
counter's last digits (ATC), the others the last ones of the terminal's unpredictable number; the
track's last digit tells how many these are. The card made its code over the track with zeros there.
"""

from libc.stdint cimport int32_t, uint8_t

from switch._keyring cimport CodePlaces
from switch._shard cimport Request, Shard

cdef enum:
    MODE_CONTACTLESS_STRIPE = 91        # DE 22, the first two digits
    # How far a card's counter may be ahead of the last one we saw, at most: what a card is shown
    # elsewhere, or taken away from, counts as well. Half of what the digits can say if that is
    # less: the other half is behind.
    COUNTERS_AHEAD_MAX = 1000

cdef struct DynamicTrack:
    uint8_t pan_digits          # at the track's beginning
    uint8_t fixed[20]           # the track with zeros where its digits change, packed
    size_t fixed_bytes
    char number[8]              # unpredictable number, zeros before its digits
    char code[5]                # X before its digits
    int32_t counter_digits

cdef bint read_dynamic_track(const CodePlaces *places, const char *track, Py_ssize_t count,
                             DynamicTrack *found) noexcept nogil
cdef int32_t counter_after(const CodePlaces *places, int32_t last, int32_t digits) noexcept nogil
cdef void note_counter_digits(const Shard *shard, const char *track, Py_ssize_t count,
                              Request *request) noexcept nogil
