"""The generator's loop: one epoll set, N connections, no interpreter while it turns.

Owns the order of things in a turn: what is due leaves, who waited too long gives up, what came is
read. At high rates it sleeps a fifth of a millisecond between turns and finds a batch; a message's
latency counts from when it was due, so that this costs the figures and not the truth.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from loadtest._arrivals cimport Schedule, take_due_ns
from loadtest._inflight cimport (
    NONE, SLOT_IN_FLIGHT, SLOT_TIMED_OUT, inflight_close, inflight_open)
from loadtest._receiving cimport count_missing, give_up, receive
from loadtest._reply cimport ReplyReader
from loadtest._script cimport GARBAGE_NONE, Script
from loadtest._sending cimport (
    BACKLOG_MAX, BUFFER_BYTES, EVENTS_MAX, EVENTS_PER_FLUSH, GARBAGE_LINKS, flush_dirty, lose,
    pump, queue_arrival, resend)
from loadtest._sending cimport Engine as State
from loadtest._tally cimport (
    BUCKETS, CODES_COUNTED_MAX, COUNTS, FAULTS, RECORD_BYTES, RECORDS_PER_CHUNK, Histogram,
    Record, Summary, histogram_add, summarise, tally_close, tally_open)
from loadtest._wire cimport (
    LINK_CONNECTING, LINK_DOWN, LINK_UP, Link, link_free, link_open, link_opened, link_shut,
    wire_exact_timers, wire_pause, wire_wait)
from switch._frames cimport TPDU_BYTES, FrameForm
from switch._sockets cimport (
    EPOLL_CLOEXEC, EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, close_fd, epoll_create1, epoll_event,
    monotonic_us)

cdef int64_t NEVER = 0x7FFFFFFFFFFFFFFF
cdef int64_t FOREVER_NS = 3600000000000

cdef enum:
    PAUSE_NS = 200000           # due sooner than this: sleep so long and take a batch
    CONNECTING_MAX = 200        # at a time: a listener's queue is short
    LINKS_PER_SOURCE = 10000    # of the 28,000 ports of an address; earlier runs still hold some
    LOOPBACK = 127
    BACKLOG_NS = 100000000      # arrivals that leave later than this behind the end had to wait
    LINGER_NS = 50000000        # after the last reply, for one that comes twice
    LATE_NS = 1000000000        # after the last timer, for replies that are late


cdef inline int64_t elapsed_ns(const State *state) noexcept nogil:
    return monotonic_us() * 1000 - state.origin_ns


cdef void turn(State *state, int64_t until_ns) noexcept nogil:
    cdef epoll_event events[EVENTS_MAX]
    cdef int64_t wait_ns
    cdef int ready, i
    while not state.is_finished and not state.out_of_memory:
        state.now_ns = elapsed_ns(state)
        if state.now_ns >= until_ns:
            return
        send_due(state)
        give_up(state)
        end_thoughts(state)
        connect_again(state)
        flush_dirty(state)
        if is_over(state):
            state.is_finished = 1
            state.end_ns = min(state.end_ns, state.now_ns)  # a replay may end before its time
            count_missing(state)
            return
        wait_ns = next_moment_ns(state, until_ns) - elapsed_ns(state)
        if state.is_open and wait_ns < PAUSE_NS and state.outstanding:
            wire_pause(PAUSE_NS)
            wait_ns = 0
        ready = wire_wait(state.epoll, events, EVENTS_MAX, wait_ns)
        for i in range(ready):
            take_event(state, <int32_t> events[i].data.u64, events[i].events)
            if i % EVENTS_PER_FLUSH == EVENTS_PER_FLUSH - 1:
                flush_dirty(state)
        if state.resends:
            resend_all(state)


cdef void send_due(State *state) noexcept nogil:
    """Let everything leave that the schedule wants by now; what finds no room waits."""
    cdef int32_t index
    while state.next_due_ns <= state.now_ns and state.backlog < BACKLOG_MAX:
        if state.next_due_ns >= state.end_ns or state.is_stopping:
            state.next_due_ns = NEVER
            return
        index = queue_arrival(state, state.next_arrival, state.next_due_ns)
        if state.links[index].waiting_count == 1 and (
                state.links[index].outstanding < state.window) and (
                state.links[index].state == LINK_UP):
            if state.next_due_ns >= state.warm_ns:
                histogram_add(state.tally.slip, (state.now_ns - state.next_due_ns) // 1000)
            pump(state, index)
        state.next_arrival += 1
        state.next_due_ns = take_due_ns(state.arrivals)


cdef int64_t next_moment_ns(const State *state, int64_t until_ns) noexcept nogil:
    """When there is something to do if nothing comes in."""
    cdef int64_t moment_ns = until_ns
    cdef int32_t first = state.store.lists[SLOT_IN_FLIGHT].first
    if state.backlog < BACKLOG_MAX:
        moment_ns = min(moment_ns, state.next_due_ns)
    if first != NONE:
        moment_ns = min(moment_ns, state.store.slots[first].timer_ns + state.reply_ns)
    if state.down_count:
        moment_ns = min(moment_ns, state.links[state.down[state.down_from]].since_ns)
    if state.thinking_count:
        moment_ns = min(moment_ns, state.thinking_until[state.thinking_from])
    if moment_ns > state.end_ns > state.now_ns:
        moment_ns = state.end_ns
    if state.outstanding == 0 and state.now_ns < state.heard_ns + LINGER_NS:
        moment_ns = min(moment_ns, state.heard_ns + LINGER_NS)
    return moment_ns


cdef bint is_over(const State *state) noexcept nogil:
    """Whether the schedule has ended and nobody waits any more, or has waited long enough."""
    cdef bint ended = state.is_stopping or state.now_ns >= state.end_ns
    cdef int64_t last_ns = state.end_ns + state.drain_ns
    cdef int32_t index
    if not ended:
        return state.is_open and state.next_due_ns == NEVER and is_idle(state)
    if is_idle(state):
        return True
    if state.now_ns < last_ns or state.outstanding:
        return state.now_ns > last_ns + state.reply_ns + LATE_NS
    if state.store.lists[SLOT_TIMED_OUT].count and state.now_ns < last_ns + state.reply_ns:
        return False
    for index in range(state.connections, state.link_count):
        if state.links[index].garbage != GARBAGE_NONE:
            return False
    return True


cdef bint is_idle(const State *state) noexcept nogil:
    cdef int32_t index
    if state.outstanding or state.backlog or state.store.lists[SLOT_TIMED_OUT].count or (
            state.now_ns < state.heard_ns + LINGER_NS):
        return False
    for index in range(state.connections, state.link_count):
        if state.links[index].garbage != GARBAGE_NONE:
            return False
    return True


cdef void end_thoughts(State *state) noexcept nogil:
    cdef int32_t index
    while state.thinking_count and (
            state.thinking_until[state.thinking_from] <= state.now_ns):
        index = state.thinking[state.thinking_from]
        state.thinking_from = (state.thinking_from + 1) % state.thinking_room
        state.thinking_count -= 1
        state.links[index].credits += 1
        pump(state, index)


# Connections.

cdef void take_event(State *state, int32_t index, uint32_t what) noexcept nogil:
    cdef Link *link = &state.links[index]
    cdef int error
    if link.state == LINK_CONNECTING:
        error = link_opened(link, state.epoll, index)
        if error:
            lose(state, index, error)
            return
        state.up_count += 1
        if link.is_lost:
            link.resends = 1
            state.resends = 1
        else:
            pump(state, index)
        return
    if link.state != LINK_UP:
        return
    if what & (EPOLLIN | EPOLLERR | EPOLLHUP):
        receive(state, index)
    if what & EPOLLOUT and link.state == LINK_UP and link.wants_write and not link.dirty:
        link.dirty = 1
        state.dirty[state.dirty_count] = index
        state.dirty_count += 1


cdef int begin_connecting(State *state, int32_t index) noexcept nogil:
    """Connect; on loopback, connections are spread over addresses before ports run out."""
    cdef uint32_t source = 0
    if state.address >> 24 == LOOPBACK and state.link_count > LINKS_PER_SOURCE:
        source = 0x7F000001 + index // LINKS_PER_SOURCE
    return link_open(
        &state.links[index], state.epoll, index, state.address, state.port, source)


cdef void connect_again(State *state) noexcept nogil:
    cdef int32_t index
    cdef int32_t rounds = state.down_count      # a refused one goes to the end, once
    while rounds and state.down_count:
        index = state.down[state.down_from]
        if state.links[index].since_ns > state.now_ns:
            return
        state.down_from = (state.down_from + 1) % state.link_count
        state.down_count -= 1
        rounds -= 1
        if begin_connecting(state, index) < 0:
            lose(state, index, 0)


cdef void resend_all(State *state) noexcept nogil:
    """Send what is outstanding at connections that came back again, as repeats, and go on there."""
    cdef int32_t place = state.store.lists[SLOT_IN_FLIGHT].first
    cdef int32_t index
    while place != NONE:
        if state.links[state.store.slots[place].connection].resends:
            state.store.slots[place].replies_due = 1
            resend(state, place)
        place = state.store.slots[place].next
    for index in range(state.connections):
        if state.links[index].resends:
            state.links[index].resends = 0
            pump(state, index)
    state.resends = 0


@cython.final
cdef class Engine:
    """A run: connect, then turn until it is finished, looking at the counters in between."""

    def __cinit__(self, Script script, ReplyReader reader, Schedule schedule, settings):
        cdef State *state = &self.state
        memset(state, 0, sizeof(State))
        state.epoll = -1
        self.script = script
        self.reader = reader
        self.schedule = schedule
        state.tables = &script.tables
        state.rules = &reader.rules
        state.arrivals = &schedule.arrivals
        state.form = FrameForm(
            settings.length_form, TPDU_BYTES if settings.has_tpdu else 0,
            settings.length_includes_itself)
        state.window = settings.window
        state.address = settings.address
        state.port = settings.port
        state.is_open = settings.is_open
        state.end_ns = settings.end_ns
        state.warm_ns = settings.warm_ns
        state.reply_ns = settings.reply_ns
        state.think_ns = settings.think_ns
        state.drain_ns = settings.drain_ns
        state.random = script.tables.seed
        state.waiting_free = NONE
        tally_open(&state.tally, settings.kinds + 1, settings.keeps_records)
        inflight_open(&state.store, script.tables.body_bytes_max)
        self.allocate(script.tables.connections)
        for index in range(state.link_count):
            identify(&state.links[index], index, settings.tpdu)

    cdef int allocate(self, int connections) except -1:
        cdef State *state = &self.state
        cdef int32_t i
        state.connections = connections
        state.link_count = connections
        for i in range(state.tables.scenario_count):
            if state.tables.scenarios[i].garbage != GARBAGE_NONE:
                state.link_count = connections + GARBAGE_LINKS
        state.thinking_room = connections * state.window
        state.links = <Link *> calloc(state.link_count, sizeof(Link))
        state.dirty = <int32_t *> calloc(state.link_count, sizeof(int32_t))
        state.down = <int32_t *> calloc(state.link_count, sizeof(int32_t))
        state.thinking = <int32_t *> calloc(state.thinking_room, sizeof(int32_t))
        state.thinking_until = <int64_t *> calloc(state.thinking_room, sizeof(int64_t))
        state.buffer = <uint8_t *> malloc(BUFFER_BYTES)
        if (state.links == NULL or state.dirty == NULL or state.down == NULL
                or state.thinking == NULL or state.thinking_until == NULL
                or state.buffer == NULL):
            raise MemoryError
        for i in range(state.link_count):
            state.links[i].fd = -1
            state.links[i].first_waiting = NONE
            state.links[i].last_waiting = NONE
            state.links[i].credits = state.window
        state.epoll = epoll_create1(EPOLL_CLOEXEC)
        if state.epoll < 0:
            raise OSError("no epoll set")
        return 0

    def __dealloc__(self):
        cdef State *state = &self.state
        cdef int32_t i
        if state.links != NULL:
            for i in range(state.link_count):
                link_free(&state.links[i])
        if state.epoll >= 0:
            close_fd(state.epoll)
        tally_close(&state.tally)
        inflight_close(&state.store)
        free(state.links)
        free(state.dirty)
        free(state.down)
        free(state.thinking)
        free(state.thinking_until)
        free(state.buffer)
        free(state.waiting)

    def connect(self, double seconds):
        """Open every connection; give how many are up when that is done or the time over."""
        cdef State *state = &self.state
        cdef epoll_event events[EVENTS_MAX]
        cdef int64_t until_us = monotonic_us() + <int64_t> (seconds * 1e6)
        cdef int32_t begun = 0
        cdef int32_t failed = 0
        cdef int ready, i
        cdef Link *link
        with nogil:
            while state.up_count + failed < state.link_count and monotonic_us() < until_us:
                while begun < state.link_count and (
                        begun - state.up_count - failed < CONNECTING_MAX):
                    if begin_connecting(state, begun) < 0:
                        failed += 1
                    begun += 1
                ready = wire_wait(state.epoll, events, EVENTS_MAX, 50000000)
                for i in range(ready):
                    link = &state.links[<int32_t> events[i].data.u64]
                    if link.state != LINK_CONNECTING:
                        continue
                    if link_opened(link, state.epoll, <int32_t> events[i].data.u64) == 0:
                        state.up_count += 1
                    else:
                        link_shut(link)
                        failed += 1
        return state.up_count

    def begin(self, int64_t second):
        """Start the clock. `second` is the Unix second that time elements show at the beginning."""
        cdef State *state = &self.state
        cdef int32_t i
        wire_exact_timers()
        state.origin_second = second
        state.origin_ns = monotonic_us() * 1000
        state.next_due_ns = take_due_ns(state.arrivals) if state.is_open else NEVER
        if not state.is_open:
            for i in range(state.connections):
                pump(state, i)
            flush_dirty(state)
        return state.origin_ns

    def turn(self, double until_s):
        """Run until so many seconds from the beginning, or until it is finished."""
        cdef int64_t until_ns = <int64_t> (until_s * 1e9)
        with nogil:
            turn(&self.state, until_ns)
        if self.state.out_of_memory:
            raise MemoryError
        return not self.state.is_finished

    def stop(self):
        """Send nothing new; what is outstanding is still waited for."""
        if not self.state.is_stopping:
            self.state.is_stopping = 1
            self.state.next_due_ns = NEVER
            self.state.end_ns = min(self.state.end_ns, elapsed_ns(&self.state))

    def close(self):
        """Close every connection."""
        cdef int32_t i
        self.state.is_finished = 1
        for i in range(self.state.link_count):
            link_shut(&self.state.links[i])

    @property
    def seconds(self):
        return elapsed_ns(&self.state) / 1e9

    @property
    def outstanding(self):
        return self.state.outstanding

    @property
    def backlog(self):
        return self.state.backlog

    @property
    def connected(self):
        return self.state.up_count

    @property
    def link_count(self):
        return self.state.link_count

    @property
    def end_s(self):
        if self.state.last_ns > self.state.end_ns + BACKLOG_NS:
            return self.state.last_ns / 1e9
        return self.state.end_ns / 1e9

    def faults(self):
        return tuple(self.state.tally.faults[i] for i in range(FAULTS))

    def kind_counts(self):
        """Give the measured counters of every kind; the last is garbage."""
        return [
            tuple(self.state.tally.counts[kind * COUNTS + i] for i in range(COUNTS))
            for kind in range(self.state.tally.kinds)]

    def take_interval(self):
        """Give counters and latency since the last look, as (counts, histogram)."""
        cdef State *state = &self.state
        counts = tuple(state.tally.interval[i] for i in range(COUNTS))
        latency = summary_of(state.tally.recent)
        memset(state.tally.interval, 0, sizeof(state.tally.interval))
        memset(state.tally.recent, 0, sizeof(Histogram))
        return counts, latency

    def latency(self):
        return summary_of(self.state.tally.whole)

    def slip(self):
        return summary_of(self.state.tally.slip)

    def kind_latency(self, int kind):
        return summary_of(self.state.tally.by_kind[kind])

    def buckets(self):
        """Give the measured messages' counts by bucket, as bytes of 64-bit numbers."""
        return (<const char *> self.state.tally.whole.counts)[:BUCKETS * sizeof(int64_t)]

    def codes(self):
        """Give how often each response code declined a measured message."""
        return {
            text_of(self.state.tally.codes[i].code): self.state.tally.codes[i].count
            for i in range(self.state.tally.code_count)}

    def notes(self):
        """Give the first faults: (fault, connection, number, kind, detail, code)."""
        return [
            (note.fault, note.connection, note.number, note.kind, note.detail,
             text_of(note.code))
            for note in self.state.tally.notes[:self.state.tally.note_count]]

    @property
    def record_count(self):
        return self.state.tally.record_count

    def record_chunks(self):
        """Give the records' memory, chunk by chunk; it lives as long as the engine does."""
        cdef int64_t left = self.state.tally.record_count
        cdef int64_t here
        cdef int64_t i
        chunks = []
        for i in range(self.state.tally.chunk_count):
            here = min(left, RECORDS_PER_CHUNK)
            chunks.append(<uint8_t[:here * sizeof(Record)]> <uint8_t *> self.state.tally.chunks[i])
            left -= here
        return chunks


cdef str text_of(const char *code):
    return (<bytes> code[:4]).rstrip(b"\0").decode("ascii", "replace")


cdef tuple summary_of(const Histogram *histogram):
    """How many, their sum, the largest, and p50, p90, p99, p99.9, in microseconds."""
    cdef Summary summary
    summarise(histogram, &summary)
    return (summary.total, summary.sum_us, summary.max_us, summary.at[0], summary.at[1],
            summary.at[2], summary.at[3])


cdef void identify(Link *link, int32_t index, bytes tpdu) noexcept:
    """A connection's TPDU has its number as the source; a reply's has the addresses exchanged."""
    if not tpdu:
        return
    memcpy(link.tpdu, <const char *> tpdu, 5)
    link.tpdu[3] = <uint8_t> (index >> 8)
    link.tpdu[4] = <uint8_t> index
    link.reply_tpdu[0] = link.tpdu[0]
    memcpy(link.reply_tpdu + 1, link.tpdu + 3, 2)
    memcpy(link.reply_tpdu + 3, link.tpdu + 1, 2)
