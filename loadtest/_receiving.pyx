"""What comes in: replies matched to their requests, and requests that get none.

Owns the judgement of a reply: whose it is, whether it repeats what was asked, whether it is the
first, in time and the one that the workload expects. Trusts nothing that the host says.
"""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from loadtest._dice cimport dice_digest
from loadtest._inflight cimport (
    NONE, SLOT_DONE, SLOT_IN_FLIGHT, SLOT_TIMED_OUT, Slot, body_of, key_find)
from loadtest._reply cimport (
    TPDU_ANY, TPDU_SAME, Reply, Rules, is_listed, reply_amounts, reply_read, wrong_echo)
from loadtest._script cimport (
    AFTER_REPLY, AFTER_TIMEOUT, GARBAGE_BODY, GARBAGE_NONE, STEPS_MAX, Step, Template)
from loadtest._sending cimport (
    BUFFER_BYTES, READ_BYTES, Engine, finish, give_credit, lose, next_step, pump)
from loadtest._tally cimport (
    COUNT_ANSWERED, COUNT_APPROVED, COUNT_DECLINED, COUNT_LATE, COUNT_TIMED_OUT,
    COUNT_UNAVAILABLE, FAULT_CROSS_TALK, FAULT_DOUBLE_REPLY, FAULT_MISSING_REPLY,
    FAULT_REPEAT_DIFFERS, FAULT_UNEXPECTED, FAULT_UNREADABLE, FAULT_WRONG_ECHO, Record, count,
    count_code, histogram_add, note_fault, record_at)
from loadtest._wire cimport LINK_UP, Link, link_keep_rest
from switch._frames cimport (
    FRAME_LOST, FRAME_NEEDS_MORE, FRAME_WHOLE, Frame, frame_next)
from switch._sockets cimport MSG_DONTWAIT, monotonic_us, recv

cdef enum:  # as in loadtest/records.py
    RECORD_ANSWERED = 1
    RECORD_LATE = 2
    RECORD_TIMED_OUT = 3

cdef enum:
    DETAIL_TPDU = -1


cdef void receive(Engine *engine, int32_t index) noexcept nogil:
    """Read what a connection has, and take every whole frame."""
    cdef Link *link = &engine.links[index]
    cdef Frame frame
    cdef size_t at = 0
    cdef size_t bytes = link.rest_bytes
    cdef int status = FRAME_NEEDS_MORE
    cdef ssize_t got = recv(link.fd, engine.buffer + bytes, READ_BYTES, MSG_DONTWAIT)
    if got <= 0:
        if got < 0 and (errno == EAGAIN or errno == EINTR):
            return
        ended(engine, index, errno if got < 0 else 0)
        return
    if bytes:
        memcpy(engine.buffer, link.rest, bytes)
    bytes += <size_t> got
    engine.now_ns = monotonic_us() * 1000 - engine.origin_ns
    engine.heard_ns = engine.now_ns
    while link.state == LINK_UP:
        status = frame_next(&engine.form, engine.buffer, bytes, &at, &frame)
        if status != FRAME_WHOLE:
            break
        if index >= engine.connections:
            garbage_answered(engine, index, &frame)
        else:
            take_reply(engine, index, &frame)
    if link.state != LINK_UP:
        return
    if status == FRAME_LOST or link_keep_rest(link, engine.buffer + at, bytes - at) < 0:
        note_fault(&engine.tally, FAULT_UNREADABLE, index, -1, 0, 0, NULL)
        lose(engine, index, 0)
        return
    pump(engine, index)


cdef void ended(Engine *engine, int32_t index, int error) noexcept nogil:
    """The host closed: right after garbage, wrong otherwise."""
    cdef Link *link = &engine.links[index]
    if index >= engine.connections and link.garbage != GARBAGE_NONE:
        garbage_done(engine, index)
    lose(engine, index, error)


cdef void take_reply(Engine *engine, int32_t index, const Frame *frame) noexcept nogil:
    cdef Reply *reply = &engine.reply
    cdef Slot *slot
    cdef int32_t place
    if reply_read(engine.rules, frame.body, frame.body_bytes, reply) < 0:
        note_fault(&engine.tally, FAULT_UNREADABLE, index, -1, 0,
                   reply.scan.fault_element, NULL)
        return
    place = key_find(&engine.store, reply.key)
    if place == NONE:
        note_fault(&engine.tally, FAULT_CROSS_TALK, index, -1, 0, 0, reply.code)
        return
    slot = &engine.store.slots[place]
    if slot.connection != index:
        fault(engine, slot, FAULT_CROSS_TALK, index, 0)
    elif slot.state == SLOT_DONE and slot.spare == 0:
        fault(engine, slot, FAULT_DOUBLE_REPLY, index, 0)
    elif slot.digest:
        repeat_answered(engine, place)
    else:
        answered(engine, place, frame)


cdef void fault(
    Engine *engine, const Slot *slot, int which, int32_t index, int32_t detail
) noexcept nogil:
    note_fault(
        &engine.tally, which, index, slot.arrival * STEPS_MAX + slot.step,
        engine.tables.templates[slot.template].kind, detail, engine.reply.code)


cdef void answered(Engine *engine, int32_t place, const Frame *frame) noexcept nogil:
    """The first reply to a message, in time or late."""
    cdef Slot *slot = &engine.store.slots[place]
    cdef Reply *reply = &engine.reply
    cdef const Template *template = &engine.tables.templates[slot.template]
    cdef const Step *step = &engine.tables.scenarios[slot.scenario].steps[slot.step]
    cdef bint is_late = slot.state == SLOT_TIMED_OUT
    cdef int64_t latency_us = (engine.now_ns - slot.due_ns) // 1000
    cdef int wrong
    slot.digest = dice_digest(reply.body, reply.bytes, 0) | 1
    slot.approved = reply.approved
    check_tpdu(engine, slot, frame)
    if slot.body != NONE:
        wrong = wrong_echo(template, reply, body_of(&engine.store, slot))
        if wrong >= 0:
            fault(engine, slot, FAULT_WRONG_ECHO, slot.connection, wrong)
    if step.code_count and not reply.unavailable and not is_listed(
            step.codes, step.code_count, reply.code):
        fault(engine, slot, FAULT_UNEXPECTED, slot.connection, 0)
    if slot.record >= 0:
        write_answer(engine, slot, latency_us, RECORD_LATE if is_late else RECORD_ANSWERED)
    if is_late:
        count(&engine.tally, template.kind, slot.measured, COUNT_LATE)
        finish(engine, place, SLOT_DONE)
        return
    count_answer(engine, template.kind, slot.measured, latency_us)
    slot.replies_due -= 1
    if slot.replies_due == 0:
        go_on(engine, place)


cdef void count_answer(
    Engine *engine, int32_t kind, bint measured, int64_t latency_us
) noexcept nogil:
    cdef Reply *reply = &engine.reply
    count(&engine.tally, kind, measured, COUNT_ANSWERED)
    histogram_add(engine.tally.recent, latency_us)
    if measured:
        histogram_add(engine.tally.whole, latency_us)
        histogram_add(engine.tally.by_kind[kind], latency_us)
    if reply.approved:
        count(&engine.tally, kind, measured, COUNT_APPROVED)
        return
    count(&engine.tally, kind, measured, COUNT_DECLINED)
    if measured:
        count_code(&engine.tally, reply.code)
    if reply.unavailable:
        count(&engine.tally, kind, measured, COUNT_UNAVAILABLE)


cdef void repeat_answered(Engine *engine, int32_t place) noexcept nogil:
    """A further reply to a message that was sent again: the same bytes."""
    cdef Slot *slot = &engine.store.slots[place]
    if slot.digest != dice_digest(engine.reply.body, engine.reply.bytes, 0) | 1:
        fault(engine, slot, FAULT_REPEAT_DIFFERS, slot.connection, 0)
    if slot.state != SLOT_IN_FLIGHT:
        slot.spare -= 1
        return
    slot.replies_due -= 1
    if slot.replies_due == 0:
        go_on(engine, place)


cdef void go_on(Engine *engine, int32_t place) noexcept nogil:
    """All replies to a message are there: its scenario's next step, or the end of it."""
    cdef Slot *slot = &engine.store.slots[place]
    cdef int32_t index = slot.connection
    cdef uint8_t reached = slot.reached
    if next_step_is_repeat(engine, slot):
        if next_step(engine, place, AFTER_REPLY):
            return
    finish(engine, place, SLOT_DONE)
    if reached < STEPS_MAX and not next_step(engine, place, AFTER_REPLY):
        give_credit(engine, index)


cdef bint next_step_is_repeat(Engine *engine, const Slot *slot) noexcept nogil:
    cdef int32_t next = slot.reached + 1
    return (next < engine.tables.scenarios[slot.scenario].step_count
            and engine.tables.scenarios[slot.scenario].steps[next].is_repeat)


cdef void check_tpdu(Engine *engine, const Slot *slot, const Frame *frame) noexcept nogil:
    cdef const Link *link = &engine.links[slot.connection]
    cdef const uint8_t *wanted = &link.reply_tpdu[0]
    if frame.envelope == NULL or engine.rules.tpdu == TPDU_ANY:
        return
    if engine.rules.tpdu == TPDU_SAME:
        wanted = &link.tpdu[0]
    if memcmp(frame.envelope, wanted, 5):
        fault(engine, slot, FAULT_WRONG_ECHO, slot.connection, DETAIL_TPDU)


cdef void write_answer(
    Engine *engine, const Slot *slot, int64_t latency_us, int state
) noexcept nogil:
    cdef Record *record = record_at(&engine.tally, slot.record)
    cdef Reply *reply = &engine.reply
    record.latency_us = latency_us if latency_us > 0 else 1
    record.digest = slot.digest
    record.state = <uint8_t> state
    memcpy(record.code, reply.code, 4)
    if not reply.approved:
        return
    reply_amounts(engine.rules, reply)
    record.amount_approved = reply.amount
    record.money = reply.told[0]
    record.points = reply.told[1]
    record.points_value = reply.told[2]
    record.points_earned = reply.told[3]
    record.discount = reply.told[4]


# Requests that get no reply.

cdef void give_up(Engine *engine) noexcept nogil:
    """End the wait of every message whose timer has run out."""
    cdef int32_t place = engine.store.lists[SLOT_IN_FLIGHT].first
    cdef int64_t overdue_ns = engine.now_ns - engine.reply_ns
    cdef Slot *slot
    cdef int32_t index
    while place != NONE and engine.store.slots[place].timer_ns <= overdue_ns:
        slot = &engine.store.slots[place]
        index = slot.connection
        if next_step_is_repeat(engine, slot) and next_step(engine, place, AFTER_TIMEOUT):
            place = engine.store.lists[SLOT_IN_FLIGHT].first
            continue
        if slot.digest:
            # It was answered, but its repeat was not.
            memset(engine.reply.code, 0, 4)
            fault(engine, slot, FAULT_MISSING_REPLY, index, 0)
            finish(engine, place, SLOT_DONE)
        else:
            count(&engine.tally, engine.tables.templates[slot.template].kind, slot.measured,
                  COUNT_TIMED_OUT)
            if slot.record >= 0:
                record_at(&engine.tally, slot.record).state = RECORD_TIMED_OUT
            finish(engine, place, SLOT_TIMED_OUT)
        if slot.reached < STEPS_MAX and not next_step(engine, place, AFTER_TIMEOUT):
            give_credit(engine, index)
        pump(engine, index)
        place = engine.store.lists[SLOT_IN_FLIGHT].first
    for index in range(engine.connections, engine.link_count):
        if engine.links[index].garbage != GARBAGE_NONE and (
                engine.links[index].since_ns <= overdue_ns) and (
                engine.links[index].state == LINK_UP):
            note_fault(&engine.tally, FAULT_UNEXPECTED, index, -1, engine.tally.kinds - 1, 0, NULL)
            engine.links[index].garbage = GARBAGE_NONE
            lose(engine, index, 0)


cdef void count_missing(Engine *engine) noexcept nogil:
    """At the end of the run: who never got a reply."""
    cdef int32_t place = engine.store.lists[SLOT_TIMED_OUT].first
    memset(engine.reply.code, 0, 4)
    while place != NONE:
        fault(engine, &engine.store.slots[place], FAULT_MISSING_REPLY,
              engine.store.slots[place].connection, 0)
        place = engine.store.slots[place].next


# Garbage.

cdef void garbage_answered(Engine *engine, int32_t index, const Frame *frame) noexcept nogil:
    """A broken message must be refused by its code."""
    cdef Link *link = &engine.links[index]
    cdef Reply *reply = &engine.reply
    # A refusal need not have the key of a request that could not be read: only its code counts.
    reply_read(engine.rules, frame.body, frame.body_bytes, reply)
    if link.garbage != GARBAGE_BODY or not is_listed(
            engine.rules.refused, engine.rules.refused_count, reply.code):
        note_fault(
            &engine.tally, FAULT_UNEXPECTED, index, -1, engine.tally.kinds - 1, 0, reply.code)
    garbage_done(engine, index)


cdef void garbage_done(Engine *engine, int32_t index) noexcept nogil:
    cdef Link *link = &engine.links[index]
    cdef int32_t kind = engine.tally.kinds - 1
    link.garbage = GARBAGE_NONE
    count(&engine.tally, kind, link.garbage_measured, COUNT_ANSWERED)
    count(&engine.tally, kind, link.garbage_measured, COUNT_DECLINED)
