"""The half of a gate that asks HSMs. See `_hsm_stage.pxd`."""

from libc.string cimport memcpy, memset

from switch._connections cimport Connection
from switch._doors cimport Listener
from switch._dynamic_codes cimport counter_after
from switch._hsm_commands cimport (
    Asking, command_begin, command_end, put_card_code_check, put_cryptogram_check,
    put_dynamic_code_check, put_mac_check, put_pin_check, put_pin_translation, put_seal,
    put_voucher_digest,
)
from switch._hsm_links cimport (
    HSM_HEADER_BYTES, HSM_LINKS_MAX, HsmLink, hsm_link_add, hsm_link_drop, hsm_link_flush,
    hsm_link_keep, hsm_link_next, hsm_link_pick, hsm_link_read, hsm_links_clear, hsm_links_open,
)
from switch._kept cimport kept_frame, kept_is_wanted
from switch._keyring cimport derivation_key, issuer_keys, terminal_keys
from switch._mapping cimport read_hex
from switch._proofs cimport voucher_keys
from switch._questions cimport (
    COMMANDS_MAX, Command, command_free, command_take, question_free, question_take,
    questions_clear, questions_open,
)
from switch._register cimport find_acquirer, find_card, find_terminal
from switch._routing cimport ROUTE_LISTENER
from switch._shard cimport (
    PROOF_CARD_CODE, PROOF_CRYPTOGRAM, PROOF_DYNAMIC_CODE, PROOF_MAC, PROOF_PIN, PROOF_VOUCHER,
    Verdict,
)
from switch._sockets cimport close_fd, monotonic_us
from switch.iso8583._codec cimport FAULT_NONE, Scan, has, scan
from switch.ledger._rows cimport Buffer

cdef enum:
    MAC_HEX = 16
    ROUNDS_MAX = 4              # how often one message may ask: two keys, two HSMs


cdef class HsmStage(Outbox):
    """Asks HSMs what messages prove, and for the MACs of replies."""

    def __cinit__(self, *arguments, **named):
        """See `Outbox`."""
        hsm_links_open(&self.links, self.epoll)
        if questions_open(&self.questions) != 0:
            raise MemoryError

    def __dealloc__(self):
        hsm_links_clear(&self.links)
        questions_clear(&self.questions)

    def connect_hsm(self, int fd):
        """Take a connected socket to an HSM, ours from here on; gives the link's name."""
        cdef int link = hsm_link_add(&self.links, fd)
        if link < 0:
            close_fd(fd)
            raise OSError("no place for one more HSM")
        self.link_names[link] += HSM_LINKS_MAX
        return self.link_names[link] + link

    def hsm_is_lost(self, int64_t name):
        """Say whether a link has ended; its place may have been taken again."""
        cdef int link = <int> (name % HSM_LINKS_MAX)
        return self.links.all[link].fd < 0 or self.link_names[link] + link != name

    def drop_slow_hsms(self, int64_t answer_us_max):
        """Drop links whose answers take too long; what they had is asked of others."""
        cdef int64_t overdue_us = monotonic_us() - answer_us_max
        cdef int32_t number
        cdef int link
        cdef bint slow[8]
        if self.questions.command_count == 0:
            return
        memset(slow, 0, sizeof(slow))
        for number in range(COMMANDS_MAX):
            if (self.questions.commands[number].question >= 0
                    and self.questions.commands[number].sent_us < overdue_us):
                slow[self.questions.commands[number].link] = True
        with nogil:
            for link in range(HSM_LINKS_MAX):
                if slow[link] and self.links.all[link].fd >= 0:
                    self.lose_hsm(link)
            self.flush_dirty()

    def hsm_statistics(self):
        """Give how many links there are, and how many messages and replies wait for an answer."""
        cdef int link
        count = sum([self.links.all[link].fd >= 0 for link in range(HSM_LINKS_MAX)])
        return {"hsm_links": count, "asking_hsm": self.questions.count}

    # --- asking -----------------------------------------------------------------------------------

    cdef bint serve_frame(self, int32_t place, const Frame *frame, int64_t received_us,
                          const Recall *recall, int standing) noexcept nogil:
        return True

    cdef void prove(self, int32_t place, const Frame *frame, uint8_t envelope_bytes,
                    int64_t received_us, const Recall *recall, const Profile *profile,
                    int standing) noexcept nogil:
        """Ask for what the workspace's message wants; without an HSM serve it with that verdict."""
        cdef Connection *connection = &self.connections.all[place]
        cdef uint8_t wanted = self.work.decision.wanted
        cdef int link = hsm_link_pick(&self.links)
        cdef int32_t number = -1
        cdef Recall told = recall[0]
        told.verdict.keys_before = (told.verdict.asked & wanted) != 0   # the newer ones were tried
        told.verdict.asked = told.verdict.right = told.verdict.unreadable = 0
        if link >= 0 and told.verdict.rounds < ROUNDS_MAX:
            told.verdict.rounds += 1
            number = question_take(&self.questions, place, connection.generation, frame,
                                   envelope_bytes, received_us, &told)
        if number >= 0:
            connection.unanswered += 1
            self.questions.all[number].wanted = wanted
            self.questions.all[number].standing = <uint8_t> standing
            if not self.ask_all(number, frame, profile, link):
                self.finish(number)             # nothing to ask: the message says too little
            return
        told.verdict.away = ALL_PROOFS
        self.serve_frame(place, frame, received_us, &told, standing)

    cdef bint ask_all(self, int32_t number, const Frame *frame, const Profile *profile,
                      int link) noexcept nogil:
        """Write a question's commands. False: there are none."""
        cdef Question *question = &self.questions.all[number]
        cdef uint8_t proof
        cdef uint8_t bit
        for bit in range(7):
            proof = <uint8_t> (1 << bit)
            if question.wanted & proof and not self.ask_one(number, proof, frame, profile, link):
                question.recall.verdict.asked |= proof
                question.recall.verdict.unreadable |= proof
        return question.open > 0

    cdef bint ask_one(self, int32_t number, uint8_t proof, const Frame *frame,
                      const Profile *profile, int link) noexcept nogil:
        """Write the command for one proof. False: the message does not hold what it needs."""
        cdef Buffer *out = &self.links.all[link].out
        cdef size_t before = out.bytes
        cdef size_t start
        cdef int64_t card
        cdef int32_t terminal
        cdef int32_t command
        cdef bint written
        cdef Asking asking
        memset(&asking, 0, sizeof(Asking))
        asking.profile = profile
        asking.work = &self.work
        asking.data = frame.body
        asking.keys_before = self.questions.all[number].recall.verdict.keys_before
        terminal = find_terminal(&self.shard.register, self.work.request.acquirer,
                                 self.work.request.terminal_id)
        if terminal >= 0:
            asking.terminal = terminal_keys(&self.shard.keyring, terminal)
        asking.derivation = derivation_key(
            &self.shard.keyring, find_acquirer(&self.shard.register, self.work.request.acquirer))
        card = find_card(&self.shard.register, self.work.request.card_token)
        if card >= 0:
            asking.card = &self.shard.register.cards[card]
            asking.issuer = issuer_keys(&self.shard.keyring, asking.card.programme_row)
            asking.vouchers = voucher_keys(self.shard, asking.card)
        command = command_take(&self.questions, number, proof, link, monotonic_us())
        start = command_begin(out, command)
        written = start != 0
        if not written:
            pass
        elif proof == PROOF_MAC:
            written = put_mac_check(&asking, out)
        elif proof == PROOF_PIN and self.shard.plans[asking.card.programme_row].host:
            written = put_pin_translation(&asking, out)
        elif proof == PROOF_PIN:
            written = put_pin_check(&asking, out)
        elif proof == PROOF_VOUCHER:
            written = put_voucher_digest(&asking, out)
        elif proof == PROOF_CARD_CODE:
            written = put_card_code_check(&asking, out)
        elif proof == PROOF_DYNAMIC_CODE:
            asking.counter = counter_after(&asking.issuer.places, asking.card.counter,
                                           self.work.request.counter_digits)
            self.questions.all[number].recall.verdict.card_counter = asking.counter
            written = put_dynamic_code_check(&asking, out)
        else:
            written = put_cryptogram_check(&asking, out)
        if not written:
            out.bytes = before
            command_free(&self.questions, command)
            return False
        command_end(out, start)
        self.links.all[link].in_flight += 1
        self.counters.hsm_commands += 1
        return True

    cdef bint seal(self, int32_t place, const Frame *frame, bint journaled,
                   const LineFacts *line) noexcept nogil:
        """Have the workspace's reply get its MAC before it goes. False: it has no place for one."""
        cdef Connection *connection = &self.connections.all[place]
        cdef const Listener *listener = &self.listeners[
            frame.envelope[ROUTE_LISTENER] if connection.trunk else connection.listener]
        cdef uint8_t envelope_bytes = self.listeners[connection.listener].form.envelope_bytes
        cdef int link = hsm_link_pick(&self.links)
        cdef Frame reply
        cdef Question *question
        cdef Scan found
        cdef int element
        cdef int32_t number = -1
        # A repeat's reply may be from before the terminal had to have MACs.
        if scan(listener.profile.spec, self.work.reply, self.work.reply_bytes,
                &found) != FAULT_NONE:
            return False
        element = 64 if has(&found, 64) else 128
        if not has(&found, element):
            return False
        reply.envelope = frame.envelope
        reply.body = self.work.reply
        reply.body_bytes = self.work.reply_bytes
        if link >= 0:
            number = question_take(&self.questions, place, connection.generation, &reply,
                                   envelope_bytes, line.received_us, &self.work.request.recall)
        if number < 0:
            self.drop_reply(place, frame)
            return True
        connection.unanswered += 1
        question = &self.questions.all[number]
        question.seals = True
        question.journaled = journaled
        question.line = line[0]
        question.keys = self.work.seal
        question.mac_at = found.elements[element].offset
        if not self.ask_seal(number, link):
            question.recall.verdict.away = PROOF_MAC
            self.finish(number)
        return True

    cdef bint ask_seal(self, int32_t number, int link) noexcept nogil:
        """Write the command for a reply's MAC. False without memory."""
        cdef Question *question = &self.questions.all[number]
        cdef Buffer *out = &self.links.all[link].out
        cdef int32_t command = command_take(&self.questions, number, 0, link, monotonic_us())
        cdef size_t start = command_begin(out, command)
        if start == 0:
            command_free(&self.questions, command)
            return False
        # A reply has its MAC under its request's key: one that tells new keys, under those before.
        put_seal(question.keys,
                 question.recall.verdict.keys_before or question.recall.verdict.keys_made,
                 question.kept.body, question.mac_at, out)
        command_end(out, start)
        self.links.all[link].in_flight += 1
        self.counters.hsm_commands += 1
        return True

    cdef void flush_hsms(self) noexcept nogil:
        """Send what was asked since the last time, each HSM once."""
        cdef int link
        for link in range(HSM_LINKS_MAX):
            if self.links.all[link].fd >= 0 and self.links.all[link].out.bytes:
                if hsm_link_flush(&self.links, link) != 0:
                    self.lose_hsm(link)

    # --- hearing ----------------------------------------------------------------------------------

    cdef void hear_hsm(self, int link) noexcept nogil:
        """Read once from an HSM and take its answers."""
        cdef HsmLink *hsm = &self.links.all[link]
        cdef const uint8_t *frame = NULL
        cdef size_t bytes = 0
        cdef size_t at = 0
        cdef int status
        if hsm.fd < 0:
            return
        status = hsm_link_read(&self.links, link)
        if status > 0:
            status = hsm_link_next(hsm, &at, &frame, &bytes)
            while status == 1:
                if not self.hear_answer(link, frame, bytes):
                    status = -1
                    break
                status = hsm_link_next(hsm, &at, &frame, &bytes)
            if status == 0:
                hsm_link_keep(hsm, at)
        if status < 0 or hsm_link_flush(&self.links, link) != 0:
            self.lose_hsm(link)

    cdef bint hear_answer(self, int link, const uint8_t *frame, size_t bytes) noexcept nogil:
        """Take one answer. False: it answers nothing that this HSM was asked."""
        cdef Command *command
        cdef int32_t number = 0
        cdef int32_t question
        cdef uint8_t proof
        cdef int i
        cdef uint8_t c
        for i in range(HSM_HEADER_BYTES):
            c = frame[i]
            if not (48 <= c <= 57 or 65 <= c <= 70):
                return False
            number = number * 16 + (c - 48 if c <= 57 else c - 55)
        if number >= COMMANDS_MAX:
            return False
        command = &self.questions.commands[number]
        if command.question < 0 or command.link != link:
            return False
        question = command.question
        proof = command.proof
        self.links.all[link].in_flight -= 1
        command_free(&self.questions, number)
        self.note_answer(question, proof, frame + HSM_HEADER_BYTES + 2,
                         bytes - HSM_HEADER_BYTES - 2)
        if self.questions.all[question].open == 0:
            self.finish(question)
        return True

    cdef void note_answer(self, int32_t number, uint8_t proof, const uint8_t *answer,
                          size_t bytes) noexcept nogil:
        """Take an answer, from its error code on, into the question's verdict or reply."""
        cdef Question *question = &self.questions.all[number]
        cdef Verdict *verdict = &question.recall.verdict
        cdef bint done = answer[0] == 48 and answer[1] == 48
        cdef bint wrong = answer[0] == 48 and answer[1] == 49
        cdef uint8_t *mac = question.kept.body + question.mac_at
        cdef int i
        if question.seals:
            # As many characters of MAC as 16; a binary element takes them two a byte.
            if not done or bytes < 2 + MAC_HEX:
                self.counters.hsm_refusals += 1
                verdict.away |= PROOF_MAC
            elif question.kept.body_bytes - question.mac_at >= MAC_HEX:
                memcpy(mac, answer + bytes - MAC_HEX, MAC_HEX)
            else:
                answer += bytes - MAC_HEX
                for i in range(8):
                    mac[i] = <uint8_t> (digit(answer[2 * i]) << 4 | digit(answer[2 * i + 1]))
            return
        verdict.asked |= proof
        if done:
            verdict.right |= proof
            if proof == PROOF_CRYPTOGRAM and bytes >= 2 + 8:
                verdict.has_answer = True
                memcpy(verdict.card_answer, answer + 2, 8)
            elif proof == PROOF_PIN and bytes >= 4 + 16:        # its length, and the block
                memcpy(verdict.pin_block, answer + 4, 16)
            elif proof == PROOF_VOUCHER and not (
                    bytes == 2 + 2 * sizeof(verdict.voucher)
                    and read_hex(answer + 2, bytes - 2, verdict.voucher, sizeof(verdict.voucher))):
                verdict.right &= ~proof
                verdict.unreadable |= proof     # no answer to this, whoever gave it
        elif answer[0] == 50 and (answer[1] == 48 or 50 <= answer[1] <= 52):
            verdict.unreadable |= proof         # 20, 22, 23, 24: block, account, format, length
        elif not wrong:
            self.counters.hsm_refusals += 1
            verdict.asked &= ~proof
            verdict.away |= proof

    cdef void finish(self, int32_t number) noexcept nogil:
        """All is said: serve the message with its verdict, or let the reply go."""
        cdef Question *kept = &self.questions.all[number]
        cdef Question question = kept[0]
        cdef Connection *connection = &self.connections.all[question.kept.place]
        cdef Frame frame
        kept_frame(&kept.kept, &frame)
        if not kept_is_wanted(&kept.kept, connection):
            self.counters.undeliverable += 1
            question_free(&self.questions, number)
            return
        connection.unanswered -= 1
        if not question.seals:
            self.serve_frame(question.kept.place, &frame, question.kept.received_us,
                             &question.recall, question.standing)
        elif question.recall.verdict.away & PROOF_MAC:
            self.drop_reply(question.kept.place, &frame)
        else:
            self.put_reply(question.kept.place, &frame, frame.body, frame.body_bytes,
                           question.journaled, &question.line)
        question_free(&self.questions, number)

    cdef void drop_reply(self, int32_t place, const Frame *frame) noexcept nogil:
        """Send no reply where none can have its MAC: its terminal repeats, and gets it then."""
        self.counters.unsealed += 1
        if self.connections.all[place].trunk:
            self.answer_nothing(place, frame)
        else:
            self.note_dirty(place)              # its peer may have said all and wait for this alone

    cdef void answer_nothing(self, int32_t place, const Frame *frame) noexcept nogil:
        pass

    cdef void lose_hsm(self, int link) noexcept nogil:
        """Drop a link. What it was asked is asked of another one, once more from the start."""
        cdef int32_t number
        cdef int32_t question
        cdef int other
        if self.links.all[link].fd < 0:
            return
        hsm_link_drop(&self.links, link)
        self.counters.hsm_lost += 1
        for number in range(COMMANDS_MAX):
            question = self.questions.commands[number].question
            if question < 0 or self.questions.commands[number].link != link:
                continue
            command_free(&self.questions, number)
            if not self.questions.all[question].seals:
                # Not asked, not away: served again, it will ask again.
                self.questions.all[question].recall.verdict.asked = 0
                self.questions.all[question].recall.verdict.right = 0
                self.questions.all[question].recall.verdict.unreadable = 0
                if self.questions.all[question].open == 0:
                    self.finish(question)
                continue
            other = hsm_link_pick(&self.links)
            if other < 0 or not self.ask_seal(question, other):
                self.questions.all[question].recall.verdict.away = PROOF_MAC
                self.finish(question)


cdef inline uint8_t digit(uint8_t character) noexcept nogil:
    return character - 48 if character <= 57 else character - 55
