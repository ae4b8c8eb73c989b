"""How much waits, whose it is, and what may therefore still be decided. See `_pressure.pxd`."""

from libc.string cimport memset

from switch._register cimport CLOCK_UNHEARD, Terminal, find_terminal
from switch._shard cimport seconds_of
from switch._words cimport (
    CLASS_AUTHORISATION, CLASS_FINANCIAL, OVERLOADED, REASON_NONE, UNANSWERED_MAX,
)

cdef enum:
    WHOLE_SECOND = 1            # a message's own time is cut to seconds


cdef void pressure_of(const Shares *shares, int share, int32_t rows, int32_t reply_seconds,
                      Pressure *pressure) noexcept nogil:
    """Say what may be decided of a share's connection of which so many rows wait."""
    cdef uint32_t room = 0
    memset(pressure, 0, sizeof(Pressure))
    pressure.full = shares.all_waiting >= shares.all_max
    if shares.all_waiting < shares.requests_max:
        room = SHARE_OF_FREE * (shares.requests_max - shares.all_waiting)
    if shares.waiting[share] >= room or rows >= UNANSWERED_MAX:
        pressure.requests = OVERLOADED
    if shares.waiting[share] * 2 >= room or rows * 2 >= UNANSWERED_MAX:
        pressure.stale_seconds = reply_seconds


cdef bint is_request(const Request *request) noexcept nogil:
    """What could have been declined; everything else has happened, or has to."""
    return (request.message_class == CLASS_AUTHORISATION
            or request.message_class == CLASS_FINANCIAL)


cdef inline bint is_old(int64_t claimed, int32_t ahead_s, const Moment *now,
                        int32_t stale_seconds) noexcept nogil:
    return (claimed >= 0 and ahead_s != CLOCK_UNHEARD
            and <int64_t> now.unix_s - (claimed - ahead_s) > stale_seconds + WHOLE_SECOND)


cdef bint is_stale(const Shard *shard, const Request *request, const Moment *now,
                   int32_t stale_seconds) noexcept nogil:
    """Has its requester stopped waiting? Not when that cannot be told."""
    cdef int32_t found
    cdef const Terminal *terminal
    if stale_seconds == 0 or request.mti % 10 != 0:
        return False
    found = find_terminal(&shard.register, request.acquirer, request.terminal_id)
    if found < 0:
        return False
    terminal = &shard.register.terminals[found]
    # Read as UTC, as `note_clock` does: the zone is then in both.
    if request.local_at >= 0:
        return is_old(seconds_of(request.local_at, now.unix_s, 0), terminal.local_ahead_s, now,
                      stale_seconds)
    return is_old(seconds_of(request.transmitted_at, now.unix_s, 0), terminal.sent_ahead_s, now,
                  stale_seconds)
