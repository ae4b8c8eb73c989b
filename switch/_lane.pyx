"""The fast lane. See `_lane.pxd`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

cimport cython

from switch._core cimport Core
from switch._decide cimport decline, decide, recognise
from switch._exchanges cimport detail_reply
from switch._mapping cimport (
    FIELD_COUNT, F_MAC, F_RESPONSE_CODE, OPERATION_ROWS_MAX, READ_DONE, READ_HOPELESS, READ_IGNORED,
    READ_REFUSED, REPLY_STEPS_MAX, TAG_COUNT, read_class, read_request,
)
from switch._plan cimport moment_at
from switch._pressure cimport is_request, is_stale
from switch._pricing cimport Pricer
from switch._proofs cimport check_sender
from switch._replies cimport write_reply
from switch._shard cimport (
    ASK_ISSUER, CARD_FIRST, DECIDED, EVERY_SHARD, KEYS_FIRST, PRICE_FIRST, PROVE_FIRST, RECALL_KEY,
    RECALL_SEQ, REPEATED, SEEK_VOUCHER, UNJOURNALED, Decision, IssuerAnswer, Verdict, journal_row,
    owner_of, settle,
)
from switch._words cimport (
    CLASS_NETWORK, ECHO, FORMAT_ERROR, LEDGER_UNAVAILABLE, REASON_NONE, REPLY_BYTES_MAX,
    UNKNOWN_MESSAGE_TYPE,
)
from switch.iso8583._codec cimport FAULT_NONE, LAYOUT_BYTES, Spec, scan


cdef int answer(Shard *shard, const Profile *profile, const uint8_t *data, const Decision *decision,
                Workspace *work) noexcept nogil:
    """Write the reply into the workspace. 0 or -1."""
    cdef Py_ssize_t count = write_reply(shard, profile, &work.scan, data, &work.request, decision,
                                        &work.faults, work.seal != NULL, work.reply_room,
                                        REPLY_BYTES_MAX)
    if count < 0:
        return -1
    work.reply = work.reply_room
    work.reply_bytes = <size_t> count
    work.seq = 0
    return 0


cdef int serve_refused(Shard *shard, const Profile *profile, const uint8_t *data,
                       Workspace *work) noexcept nogil:
    """Answer what could not be read, if anything of it could."""
    work.reason = work.faults.reason
    shard.counters.declined[work.reason] += 1
    shard.counters.unjournaled += 1
    return SERVED_NOW if answer(shard, profile, data, NULL, work) == 0 else SERVED_HOPELESS


cdef int serve_unscanned(Shard *shard, const Profile *profile, const uint8_t *data,
                         int fault, Workspace *work) noexcept nogil:
    """A message with a fault in its bytes: 30 when its type can be told, else the line is lost."""
    cdef int status = read_class(profile, &work.scan, data, &work.request)
    work.faults.reason = FORMAT_ERROR
    work.faults.element = work.scan.fault_element if work.scan.fault_element > 0 else 0
    work.faults.scan_fault = fault
    if work.scan.fault_element <= 0 or status == READ_HOPELESS:
        work.reason = FORMAT_ERROR
        shard.counters.declined[<int> FORMAT_ERROR] += 1
        return SERVED_HOPELESS
    if status == READ_IGNORED:
        return SERVED_IGNORED
    return serve_refused(shard, profile, data, work)


cdef int serve_decided(Shard *shard, const Profile *profile, const uint8_t *data,
                       Workspace *work) noexcept nogil:
    """Reply, journal and settle a new decision. Nothing may come between these."""
    cdef Decision *decision = &work.decision
    if answer(shard, profile, data, decision, work) != 0:
        return SERVED_BROKEN
    decision.row.reply = work.reply
    decision.row.reply_bytes = work.reply_bytes
    if journal_row(shard, &decision.row) != 0 or settle(shard, &decision.row) != 0:
        return SERVED_BROKEN
    work.seq = decision.row.seq
    work.reason = decision.row.reason
    if decision.row.response_code[0] > 49 or decision.row.response_code[1] != 48:
        shard.counters.declined[work.reason] += 1
    else:
        shard.counters.approved[decision.row.operation] += 1
    return SERVED_AT_SEQ


cdef int serve_repeated(Shard *shard, Workspace *work) noexcept nogil:
    """Answer with the stored reply, which may leave when the first one may."""
    shard.counters.repeated += 1
    work.repeated = True
    work.reply = detail_reply(&shard.exchanges, work.decision.repeated)
    work.reply_bytes = work.decision.repeated.reply_bytes
    work.seq = work.decision.repeated.seq
    memcpy(work.decision.row.response_code, work.decision.repeated.response_code, 2)
    return SERVED_AT_SEQ


cdef int serve_undecided(Shard *shard, const Profile *profile, const uint8_t *data,
                         const Moment *now, int reason, Workspace *work) noexcept nogil:
    """Answer what cannot be decided now: 91, which says that nothing has moved.

    That may not be said of a request that was decided before. What memory knows gets its reply;
    what only the journal could tell gets none, and its terminal repeats.
    """
    cdef int status = DECIDED
    if work.request.message_class != CLASS_NETWORK:
        status = recognise(shard, &work.request, now, &work.decision)
    if status == REPEATED:
        return serve_repeated(shard, work)
    if status != DECIDED and is_request(&work.request):
        return SERVED_UNKNOWN
    work.faults.reason = reason
    return serve_refused(shard, profile, data, work)


cdef bint belongs_here(const Shard *shard, Workspace *work) noexcept nogil:
    """May this shard decide the message? If not, `work.owner` says who does."""
    work.owner = owner_of(shard, &work.request)
    return work.owner == shard.number or (work.settled_here and work.owner == EVERY_SHARD)


cdef int serve(Shard *shard, const Profile *profile, const uint8_t *data, size_t bytes,
               const Moment *now, const Pressure *pressure, const Recall *recall,
               Workspace *work) noexcept nogil:
    """Serve one message (without framing). Gives a ServeStatus; the reply is in the workspace.

    `pressure` says what can be decided now; `recall` what the slow lane has fetched for it.
    """
    cdef int fault = scan(profile.spec, data, bytes, &work.scan)
    cdef int status
    work.repeated = False
    work.reason = REASON_NONE
    work.reply_bytes = 0
    work.seal = NULL
    work.decision.row.card = -1
    if fault != FAULT_NONE:
        return serve_unscanned(shard, profile, data, fault, work)
    status = read_request(shard, profile, &work.scan, data, &work.request, &work.faults)
    if status == READ_HOPELESS:
        return SERVED_HOPELESS
    if status == READ_IGNORED:
        return SERVED_IGNORED
    if status == READ_REFUSED:
        return serve_refused(shard, profile, data, work)
    if shard.shard_count > 1 and not belongs_here(shard, work):
        if not work.settled_here:
            return SERVED_ELSEWHERE
        # It could not be sent there, or two shards have two maps: nobody may decide it.
        work.faults.reason = pressure.everything if pressure.everything else LEDGER_UNAVAILABLE
        return serve_refused(shard, profile, data, work)
    work.request.received_us = now.unix_us
    work.request.recall = recall[0]
    work.decision.status = DECIDED
    work.faults.reason = check_sender(shard, &work.request, now, &work.decision, &work.seal)
    if work.decision.status != DECIDED:
        return SERVED_LATER
    if work.faults.reason != REASON_NONE:
        return serve_refused(shard, profile, data, work)
    if pressure.everything != REASON_NONE:
        return serve_undecided(shard, profile, data, now, pressure.everything, work)
    if is_request(&work.request):
        if is_stale(shard, &work.request, now, pressure.stale_seconds):
            return SERVED_STALE
        if pressure.requests != REASON_NONE:
            return serve_undecided(shard, profile, data, now, pressure.requests, work)
    elif pressure.full and work.request.operation != ECHO:
        return SERVED_NO_ROOM
    if work.request.operation == ECHO:
        work.faults.reason = REASON_NONE
        return SERVED_NOW if answer(shard, profile, data, NULL, work) == 0 else SERVED_BROKEN
    status = decide(shard, &work.request, now, &work.decision)
    if status == DECIDED:
        return serve_decided(shard, profile, data, work)
    if status == UNJOURNALED:
        work.faults.reason = work.decision.row.reason
        return serve_refused(shard, profile, data, work)
    if status == REPEATED:
        return serve_repeated(shard, work)
    return SERVED_LATER


@cython.final
cdef class Lane:
    """One way of speaking to a shard: a profile compiled for the core, and its acquirer."""

    def __cinit__(self, Core core, *, profile, Spec spec, int32_t acquirer, bytes acquirer_code):
        """`profile` is a `switch.profile.Profile`; `acquirer` the number of the link's acquirer."""
        cdef int i
        self.core = core
        self.shard = &core.shard
        self.spec = spec
        self.name = profile.name
        self.framing = profile.framing
        memset(&self.profile, 0, sizeof(Profile))
        self.profile.spec = spec.plan
        self.profile.acquirer = acquirer
        self.profile.acquirer_code_bytes = <int32_t> len(acquirer_code)
        assert len(acquirer_code) <= 11
        memcpy(self.profile.acquirer_code, PyBytes_AS_STRING(acquirer_code), len(acquirer_code))
        for field, element in profile.elements.items():
            self.profile.element[<int> field] = element
        assert len(profile.operations) <= OPERATION_ROWS_MAX and len(profile.network_codes) <= 16
        for i, row in enumerate(profile.operations):
            self.profile.rows[i].message_class = row.message_class
            self.profile.rows[i].operation = row.operation
            self.profile.rows[i].transaction_type = row.transaction_type
            self.profile.rows[i].from_account = -1 if row.from_account is None else row.from_account
            self.profile.rows[i].condition_code = (
                -1 if row.condition_code is None else row.condition_code)
        self.profile.row_count = len(profile.operations)
        for i, (code, operation) in enumerate(profile.network_codes.items()):
            self.profile.network_codes[i] = code
            self.profile.network_operations[i] = operation
        self.profile.network_count = len(profile.network_codes)
        for message_class, fields in profile.mandatory.items():
            for field in fields:
                self.profile.mandatory[<int> message_class] |= <uint64_t> 1 << <int> field
        for operation in profile.without_amount:
            self.profile.without_amount |= <uint64_t> 1 << <int> operation
        for tag, characters in profile.tags.items():
            memcpy(self.profile.tags[<int> tag], PyBytes_AS_STRING(characters.encode("ascii")), 2)
        self.profile.mac_bytes = (
            8 if spec.plan.elements[profile.elements[F_MAC]].layout == LAYOUT_BYTES else 16)
        self.lay_out_replies(profile)

    cdef int lay_out_replies(self, profile) except -1:
        """Put what a reply says in the order of its elements."""
        written = ("RRN", "AUTHORISATION_CODE", "RESPONSE_CODE", "PRIVATE", "BALANCES",
                   "CHIP_DATA")
        steps = [(profile.elements[field], int(field), True) for field in profile.echoed]
        steps += [(element, int(field), field.name == "AMOUNT")
                  for field, element in profile.elements.items()
                  if field.name in written or field.name == "AMOUNT"]
        assert len(steps) <= REPLY_STEPS_MAX
        for i, (element, field, echoed) in enumerate(sorted(steps)):
            self.profile.steps[<int> i].element = element
            self.profile.steps[<int> i].field = field
            self.profile.steps[<int> i].echoed = echoed
        self.profile.step_count = len(steps)
        return 0

    def answer(self, bytes message, *, int64_t now_us, int32_t utc_offset_s, bint available=True,
               bint recalled=False, Pricer pricer=None, tuple verdict=None,
               tuple issuer=None, int sought=0):
        """Serve one message: (status name, reply, sequence it waits for, what it needs first).

        What it needs is None, ("seq", sequence) or ("key", terminal, STAN) of the journal, or
        ("prove", proofs) of the HSM, whose `verdict` is (asked, right, unreadable, away, by the
        keys of before), a bit for each proof, and behind them of a dynamic code its counter and of
        a voucher's PIN the digest (bytes); or ("keys", terminal, missed), or ("card", …) and
        ("issuer", …) as in `Wanted`; `issuer` is what the card's own bank said: (`IssuerSaid`,
        sequence of the question, DE 39). `recalled` says that this is the message that was answered
        last, after that. Without a `pricer` a programme that is priced in Python is for later, and
        needs nothing.
        """
        cdef Moment now
        cdef Pressure pressure
        cdef int status
        cdef Verdict *told
        cdef object recall = None
        if not recalled:
            memset(&self.recall, 0, sizeof(Recall))
            self.recall.terminal = -1
        if verdict is not None:
            told = &self.recall.verdict
            told.asked, told.right, told.unreadable, told.away, told.keys_before = verdict[:5]
            told.card_counter = verdict[5] if len(verdict) > 5 else 0
            if len(verdict) > 6:
                assert len(verdict[6]) == sizeof(told.voucher)
                memcpy(told.voucher, PyBytes_AS_STRING(verdict[6]), sizeof(told.voucher))
        if sought:
            self.recall.sought = <uint8_t> sought
        if issuer is not None:
            memset(&self.answer_of_issuer, 0, sizeof(IssuerAnswer))
            self.answer_of_issuer.said, self.answer_of_issuer.asked, code = issuer
            memcpy(self.answer_of_issuer.response_code, PyBytes_AS_STRING(code), 2)
            self.recall.issuer = &self.answer_of_issuer
        memset(&pressure, 0, sizeof(Pressure))
        pressure.everything = REASON_NONE if available else LEDGER_UNAVAILABLE
        self.recall.desk = NULL if pricer is None else &pricer.desk
        moment_at(&now, now_us, utc_offset_s)
        status = serve(self.shard, &self.profile, <const uint8_t *> PyBytes_AS_STRING(message),
                       <size_t> len(message), &now, &pressure, &self.recall, &self.work)
        if status == SERVED_BROKEN:
            raise AssertionError("a decision could not be journaled")
        if pricer is not None:
            pricer.raise_fatal()
        if status == SERVED_LATER:
            recall = self.needs()
        reply = PyBytes_FromStringAndSize(
            <char *> self.work.reply, <Py_ssize_t> self.work.reply_bytes) if status <= SERVED_NOW \
            else b""
        seq = self.work.seq if status == SERVED_AT_SEQ else 0
        return SERVE_STATUSES[status], reply, seq, recall

    cdef object needs(self):
        """What the message needs that was served last, as `answer` gives it."""
        cdef const Decision *decision = &self.work.decision
        if decision.status == PROVE_FIRST:
            return "prove", decision.wanted
        if decision.status == KEYS_FIRST:
            self.recall.verdict.keys_made = 1
            return "keys", decision.row.terminal, bool(self.recall.verdict.keys_before)
        if decision.status == CARD_FIRST:
            return ("card", decision.plan_row,
                    PyBytes_FromStringAndSize(<char *> self.work.request.card_token, 16),
                    self.work.request.card_prefix // 100, self.work.request.card_last4)
        if decision.status == SEEK_VOUCHER:
            return "voucher", decision.plan_row, PyBytes_FromStringAndSize(
                <char *> self.work.request.recall.verdict.voucher, 32)
        if decision.status == ASK_ISSUER:
            return "issuer", decision.plan_row, decision.row.card
        if decision.status == PRICE_FIRST:
            return None
        self.recall.count += 1
        if decision.status == RECALL_SEQ:
            return "seq", decision.recall_seq
        self.recall.terminal = decision.recall_terminal
        self.recall.stan = decision.recall_stan
        return "key", decision.recall_terminal, decision.recall_stan


SERVE_STATUSES = ("at_seq", "now", "ignored", "hopeless", "later", "broken", "stale", "no_room",
                  "elsewhere", "unknown")
