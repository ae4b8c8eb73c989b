"""What leaves: arrivals wait at their connection, messages are begun, sent, and sent again.

Owns the order of a scenario's steps. A message that is begun has a slot until it is answered; one
that waits is 48 bytes. Knows nothing of replies, and reads no clock: `engine.now_ns` is the time.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy, memset

from loadtest._dice cimport dice_mix
from loadtest._inflight cimport (
    DONE_MAX, NONE, SLOT_DONE, SLOT_FREE, SLOT_IN_FLIGHT, SLOT_TIMED_OUT, TIMED_OUT_MAX, InFlight,
    Slot, body_of, body_release, key_put, key_remove, slot_move, slot_take)
from loadtest._reply cimport key_of
from loadtest._script cimport (
    AFTER_AT_ONCE, AFTER_TIMEOUT, GARBAGE_BODY, GARBAGE_FRAME, GARBAGE_NONE, STEPS_MAX, Draft,
    Scenario, Step, Tables, Template, draw, draw_scenario, put_mac, render)
from loadtest._tally cimport (
    COUNT_DUE, COUNT_REPEATED, COUNT_SENT, FAULT_CONNECTION_LOST, FAULT_MISSING_REPLY, Record,
    count, histogram_add, note_fault, record_at, record_take)
from loadtest._wire cimport LINK_DOWN, LINK_UP, Link, link_flush, link_room, link_shut
from switch._frames cimport frame_prefix

cdef enum:
    PASSED_ON = 255             # the chain goes on in another slot
    FRAME_PREFIX_MAX = 9
    RECONNECT_NS = 50000000
    JITTER_NS = 20000000
    IDLE_NS = 60000000000       # a host may close what has been silent for so long
    GARBAGE_BYTES_MAX = 512

cdef enum:  # as in loadtest/records.py
    RECORD_SENT = 0


# Waiting.

cdef int32_t waiting_take(Engine *engine) noexcept nogil:
    cdef int32_t node = engine.waiting_free
    cdef int32_t room
    cdef void *grown
    if node != NONE:
        engine.waiting_free = engine.waiting[node].next
        return node
    if engine.waiting_count == engine.waiting_room:
        room = engine.waiting_room * 2 + 1024
        grown = realloc(engine.waiting, room * sizeof(Waiting))
        if grown == NULL:
            engine.out_of_memory = 1
            return NONE
        engine.waiting = <Waiting *> grown
        engine.waiting_room = room
    engine.waiting_count += 1
    return engine.waiting_count - 1


cdef int32_t queue_arrival(Engine *engine, int64_t arrival, int64_t due_ns) noexcept nogil:
    """Let an arrival wait at its connection; which one that is."""
    cdef Tables *tables = engine.tables
    cdef const Scenario *scenario = &tables.scenarios[draw_scenario(tables, arrival)]
    cdef int32_t index = <int32_t> (arrival % engine.connections)
    cdef int32_t node = waiting_take(engine)
    cdef int32_t kind = engine.tally.kinds - 1
    cdef Waiting *waiting
    if node == NONE:
        return index
    if scenario.garbage != GARBAGE_NONE:
        index = engine.connections + <int32_t> (arrival % GARBAGE_LINKS)
    else:
        kind = tables.templates[scenario.steps[0].template].kind
    waiting = &engine.waiting[node]
    waiting.arrival = arrival
    waiting.step = 0
    waiting.due_ns = due_ns
    waiting.second = engine.origin_second + due_ns // 1000000000
    waiting.measured = due_ns >= engine.warm_ns
    count(&engine.tally, kind, waiting.measured, COUNT_DUE)
    queue_node(engine, index, node, False)
    return index


cdef void queue_node(Engine *engine, int32_t index, int32_t node, bint in_front) noexcept nogil:
    cdef Link *link = &engine.links[index]
    engine.waiting[node].next = NONE
    if link.first_waiting == NONE:
        link.first_waiting = node
        link.last_waiting = node
    elif in_front:
        engine.waiting[node].next = link.first_waiting
        link.first_waiting = node
    else:
        engine.waiting[link.last_waiting].next = node
        link.last_waiting = node
    link.waiting_count += 1
    engine.backlog += 1


cdef int32_t take_node(Engine *engine, Link *link, Waiting *out) noexcept nogil:
    cdef int32_t node = link.first_waiting
    memcpy(out, &engine.waiting[node], sizeof(Waiting))
    link.first_waiting = out.next
    if link.first_waiting == NONE:
        link.last_waiting = NONE
    engine.waiting[node].next = engine.waiting_free
    engine.waiting_free = node
    link.waiting_count -= 1
    engine.backlog -= 1
    return node


cdef void pump(Engine *engine, int32_t index) noexcept nogil:
    """Begin what waits at a connection, as far as its window allows."""
    cdef Link *link = &engine.links[index]
    cdef Waiting waiting
    if link.state != LINK_UP:
        return
    if index >= engine.connections:
        if link.garbage == GARBAGE_NONE and link.first_waiting != NONE:
            take_node(engine, link, &waiting)
            send_garbage(engine, index, &waiting)
        return
    while link.outstanding < engine.window:
        if link.first_waiting == NONE and not next_arrival_closed(engine, index):
            return
        if link.first_waiting == NONE:
            continue
        if engine.now_ns > engine.end_ns + engine.drain_ns:
            if engine.waiting[link.first_waiting].step == 0:
                return
        take_node(engine, link, &waiting)
        begin(engine, index, &waiting)


cdef bint next_arrival_closed(Engine *engine, int32_t index) noexcept nogil:
    """In a closed loop whoever has nothing to do begins the next arrival of its own."""
    cdef Link *link = &engine.links[index]
    cdef int32_t at
    if engine.is_open or engine.is_stopping or link.credits == 0 or (
            engine.now_ns >= engine.end_ns):
        return False
    at = queue_arrival(
        engine, link.sequence * engine.connections + index, engine.now_ns)
    link.sequence += 1
    if at == index:
        link.credits -= 1
    else:
        pump(engine, at)
    return not engine.out_of_memory


# Beginning a message.

cdef void begin(Engine *engine, int32_t index, const Waiting *waiting) noexcept nogil:
    """Render a message, remember it and put it into the connection's output."""
    cdef Link *link = &engine.links[index]
    cdef Tables *tables = engine.tables
    cdef InFlight *store = &engine.store
    cdef Draft draft
    cdef const Template *template
    cdef Slot *slot
    cdef int32_t place = slot_take(store)
    if place == NONE:
        engine.out_of_memory = 1
        return
    draw(tables, waiting.arrival, waiting.step, &draft)
    template = &tables.templates[draft.template]
    slot = &store.slots[place]
    slot.arrival = waiting.arrival
    slot.step = <uint8_t> waiting.step
    slot.reached = slot.step
    slot.due_ns = waiting.due_ns
    slot.sent_ns = engine.now_ns
    slot.timer_ns = engine.now_ns
    slot.second = waiting.second
    slot.digest = 0
    slot.amount = draft.amount if template.has_amount else 0
    slot.connection = index
    slot.body_bytes = template.body_bytes
    slot.template = draft.template
    slot.scenario = <short> draft.scenario
    slot.replies_due = 1
    slot.measured = waiting.measured
    slot.approved = 0
    slot.spare = 0
    render(tables, &draft, waiting.second, body_of(store, slot))
    slot.key = key_of(template, body_of(store, slot))
    if key_put(store, place) < 0:
        engine.out_of_memory = 1
    slot.record = record_take(&engine.tally)
    if slot.record >= 0:
        write_record(engine, slot, &draft, template)
    link.outstanding += 1
    engine.outstanding += 1
    link.since_ns = engine.now_ns
    if slot.step == 0:
        engine.last_ns = engine.now_ns
    count(&engine.tally, template.kind, slot.measured, COUNT_SENT)
    put_frame(engine, index, body_of(store, slot), slot.body_bytes, NULL, template)
    next_step(engine, place, AFTER_AT_ONCE)


cdef void write_record(
    Engine *engine, const Slot *slot, const Draft *draft, const Template *template
) noexcept nogil:
    cdef Record *record = record_at(&engine.tally, slot.record)
    record.number = slot.arrival * STEPS_MAX + slot.step
    record.due_us = slot.due_ns // 1000
    record.sent_us = slot.sent_ns // 1000
    record.second = slot.second
    record.amount_asked = slot.amount
    record.original = draft.original_number
    record.card = engine.tables.groups[draft.group].base + draft.card
    record.terminal = <uint32_t> draft.terminal
    record.kind = <unsigned short> template.kind
    record.state = RECORD_SENT
    record.measured = slot.measured


cdef void put_frame(
    Engine *engine, int32_t index, const uint8_t *body, int32_t bytes, const uint8_t *type_bytes,
    const Template *template
) noexcept nogil:
    """Put a framed body into the connection's output, with another message type if given."""
    cdef Link *link = &engine.links[index]
    cdef uint8_t *out = link_room(link, bytes + FRAME_PREFIX_MAX)
    cdef size_t prefix
    if out == NULL:
        engine.out_of_memory = 1
        return
    # `frame_prefix` is a host's: it turns the TPDU round.
    prefix = frame_prefix(&engine.form, link.reply_tpdu, bytes, out)
    memcpy(out + prefix, body, bytes)
    if type_bytes != NULL:
        memcpy(out + prefix + template.type_offset, type_bytes, template.type_bytes)
    put_mac(engine.tables, template, out + prefix)
    link.out_bytes += <uint32_t> (prefix + bytes)
    mark_dirty(engine, index)


cdef void resend(Engine *engine, int32_t slot_index) noexcept nogil:
    """Send a message once more, as a repeat."""
    cdef Slot *slot = &engine.store.slots[slot_index]
    cdef const Template *template = &engine.tables.templates[slot.template]
    count(&engine.tally, template.kind, slot.measured, COUNT_REPEATED)
    put_frame(engine, slot.connection, body_of(&engine.store, slot), slot.body_bytes,
              template.repeat_type, template)


# A scenario's next step.

cdef bint next_step(Engine *engine, int32_t slot_index, int trigger) noexcept nogil:
    """Take the next step of a message's scenario if it is `trigger` that it waits for."""
    cdef Slot *slot = &engine.store.slots[slot_index]
    cdef const Scenario *scenario = &engine.tables.scenarios[slot.scenario]
    cdef const Step *step
    cdef int32_t next = slot.reached + 1
    if slot.reached == PASSED_ON or next >= scenario.step_count:
        return False
    step = &scenario.steps[next]
    if step.after != trigger or (step.only_approved and not slot.approved):
        return False
    if step.is_repeat:
        if slot.state != SLOT_IN_FLIGHT:
            return False  # its bytes are gone
        slot.reached = <uint8_t> next
        if trigger == AFTER_TIMEOUT:
            slot.spare += 1
        else:
            slot.replies_due += 1
        if engine.links[slot.connection].state == LINK_UP:
            resend(engine, slot_index)
        slot.timer_ns = engine.now_ns
        slot_move(&engine.store, slot_index, SLOT_IN_FLIGHT)
        if trigger == AFTER_AT_ONCE:
            next_step(engine, slot_index, AFTER_AT_ONCE)
        return True
    slot.reached = PASSED_ON
    follow(engine, slot, next, trigger)
    return True


cdef void follow(Engine *engine, const Slot *slot, int32_t next, int trigger) noexcept nogil:
    """Begin a follow-up, or let it wait before everything else at its connection."""
    cdef int32_t index = slot.connection
    cdef Waiting waiting
    cdef int32_t node
    cdef int32_t kind = engine.tables.templates[
        engine.tables.scenarios[slot.scenario].steps[next].template].kind
    waiting.arrival = slot.arrival
    waiting.due_ns = slot.due_ns if trigger == AFTER_AT_ONCE else engine.now_ns
    waiting.second = slot.second
    waiting.step = next
    waiting.measured = slot.measured
    count(&engine.tally, kind, slot.measured, COUNT_DUE)
    if engine.links[index].state == LINK_UP:
        begin(engine, index, &waiting)
        return
    node = waiting_take(engine)
    if node != NONE:
        memcpy(&engine.waiting[node], &waiting, sizeof(Waiting))
        queue_node(engine, index, node, True)


cdef void give_credit(Engine *engine, int32_t index) noexcept nogil:
    """In a closed loop an ended scenario makes room for another, after a time to think."""
    cdef int32_t at
    if engine.is_open:
        return
    if engine.think_ns == 0 or engine.thinking_count == engine.thinking_room:
        engine.links[index].credits += 1
        return
    at = (engine.thinking_from + engine.thinking_count) % engine.thinking_room
    engine.thinking[at] = index
    engine.thinking_until[at] = engine.now_ns + engine.think_ns
    engine.thinking_count += 1


cdef void finish(Engine *engine, int32_t slot_index, int state) noexcept nogil:
    """Wait for a message no more (answered, or the requester gave up); remember it for a while."""
    cdef InFlight *store = &engine.store
    cdef Slot *slot = &store.slots[slot_index]
    cdef int32_t oldest
    if slot.state == SLOT_IN_FLIGHT:
        engine.links[slot.connection].outstanding -= 1
        engine.outstanding -= 1
    body_release(store, slot_index)
    slot_move(store, slot_index, state)
    if store.lists[SLOT_DONE].count > DONE_MAX:
        oldest = store.lists[SLOT_DONE].first
        key_remove(store, oldest)
        slot_move(store, oldest, SLOT_FREE)
    if store.lists[SLOT_TIMED_OUT].count > TIMED_OUT_MAX:
        oldest = store.lists[SLOT_TIMED_OUT].first
        slot = &store.slots[oldest]
        note_fault(
            &engine.tally, FAULT_MISSING_REPLY, slot.connection,
            slot.arrival * STEPS_MAX + slot.step,
            engine.tables.templates[slot.template].kind, 0, NULL)
        key_remove(store, oldest)
        slot_move(store, oldest, SLOT_FREE)


# Connections.

cdef void mark_dirty(Engine *engine, int32_t index) noexcept nogil:
    cdef Link *link = &engine.links[index]
    if not link.dirty:
        link.dirty = 1
        engine.dirty[engine.dirty_count] = index
        engine.dirty_count += 1


cdef void flush_dirty(Engine *engine) noexcept nogil:
    """Send what was put into outputs since the last time: one send for each connection."""
    cdef int32_t i
    cdef int32_t index
    for i in range(engine.dirty_count):
        index = engine.dirty[i]
        engine.links[index].dirty = 0
        if engine.links[index].state == LINK_UP and link_flush(
                &engine.links[index], engine.epoll, index) < 0:
            lose(engine, index, 0)
    engine.dirty_count = 0


cdef void lose(Engine *engine, int32_t index, int error) noexcept nogil:
    """Close a connection that broke, and connect again after 50 ms, 20 more or less."""
    cdef Link *link = &engine.links[index]
    cdef int32_t at
    if link.state == LINK_UP:
        engine.up_count -= 1
        if index < engine.connections and not engine.is_finished and not (
                link.outstanding == 0 and engine.now_ns - link.since_ns > <int64_t> IDLE_NS):
            note_fault(&engine.tally, FAULT_CONNECTION_LOST, index, -1, 0, error, NULL)
            link.is_lost = 1
    link_shut(link)
    engine.random = dice_mix(engine.random)
    # Behind garbage a close is the right answer: no reason to wait.
    link.since_ns = engine.now_ns if index >= engine.connections else (
        engine.now_ns + RECONNECT_NS + <int64_t> (engine.random % (2 * JITTER_NS)) - JITTER_NS)
    at = (engine.down_from + engine.down_count) % engine.link_count
    engine.down[at] = index
    engine.down_count += 1


# Garbage.

cdef void send_garbage(Engine *engine, int32_t index, const Waiting *waiting) noexcept nogil:
    """Send a message that is broken for certain, or a frame that no stream can go on from."""
    cdef Tables *tables = engine.tables
    cdef Link *link = &engine.links[index]
    cdef const Scenario *scenario
    cdef const Template *template
    cdef uint8_t *out = link_room(link, tables.body_bytes_max + GARBAGE_BYTES_MAX)
    cdef uint8_t *body
    cdef size_t prefix, bytes
    cdef Draft draft
    if out == NULL:
        engine.out_of_memory = 1
        return
    draw(tables, waiting.arrival, 0, &draft)
    scenario = &tables.scenarios[draft.scenario]
    template = &tables.templates[draft.template]
    bytes = break_body(template, draft.random, NULL)
    prefix = frame_prefix(&engine.form, link.reply_tpdu, bytes, out)
    body = out + prefix
    render(tables, &draft, waiting.second, body)
    break_body(template, draft.random, body)
    if scenario.garbage == GARBAGE_FRAME:
        # A length of nothing, or the largest there is: digits, bytes and BCD all say it so.
        memset(out, 0x39 if draft.random & 1 else 0, prefix)
        if engine.form.length != 1 and draft.random & 1:
            memset(out, 0x99, 2)
        elif engine.form.length == 1 and not draft.random & 1:
            memset(out, 0x30, 4)
    link.out_bytes += <uint32_t> (prefix + bytes)
    link.garbage = scenario.garbage
    link.garbage_measured = waiting.measured
    link.since_ns = engine.now_ns
    count(&engine.tally, engine.tally.kinds - 1, waiting.measured, COUNT_SENT)
    mark_dirty(engine, index)


cdef size_t break_body(const Template *template, uint64_t random, uint8_t *body) noexcept nogil:
    """Break a body so that no reader may take it; its bytes. Without `body` only count them."""
    cdef size_t bytes = template.body_bytes
    cdef uint64_t how = (random >> 8) % 3
    if how == 0:                    # cut off inside its last element
        return bytes - 1 - (random >> 16) % 2
    if how == 1:                    # something behind its end
        if body != NULL:
            memset(body + bytes, 0xA5, 1 + (random >> 16) % 16)
        return bytes + 1 + (random >> 16) % 16
    if body != NULL:                # a letter, or a nibble that is no digit, in the key's digits
        memset(body + template.digits_offset, 0xFF, 1)
    return bytes
