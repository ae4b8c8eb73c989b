"""The exchange log's lines. See `_exchange_log.pxd`. A card is first six and last four digits."""

from libc.stdio cimport snprintf
from libc.string cimport memcpy, memset

from switch._register cimport Card
from switch.ledger._rows cimport buffer_reserve


cdef void line_facts(const Workspace *work, uint8_t listener, bint journaled, bint slow,
                     int64_t received_us, LineFacts *facts) noexcept nogil:
    """Take from the workspace what the line will say."""
    memset(facts, 0, sizeof(LineFacts))
    facts.seq = work.seq
    facts.received_us = received_us
    facts.amount_minor = work.request.amount_minor
    facts.terminal = work.decision.row.terminal if journaled else -1
    facts.card = work.decision.row.card if journaled else -1
    facts.stan = work.request.stan
    facts.mti = work.request.mti
    facts.reason = <int16_t> work.reason
    facts.listener = listener
    facts.repeated = work.repeated
    facts.slow = slow
    if journaled:
        memcpy(facts.response_code, work.decision.row.response_code, 2)


cdef int line_write(const Shard *shard, const LineFacts *facts, const char *link, int64_t now_us,
                    int64_t elapsed_us, Buffer *log) noexcept nogil:
    """Append the line of an answered message; `now_us` is Unix time. 0, or -1 when full."""
    cdef const Card *card
    cdef const char *code = <const char *> facts.response_code
    cdef const char *terminal = ""
    cdef char masked[20]
    cdef const uint8_t *peer = <const uint8_t *> &facts.peer_address
    if log.bytes + LINE_BYTES_MAX > LOG_BYTES_MAX or buffer_reserve(log, LINE_BYTES_MAX) != 0:
        return -1
    masked[0] = 0
    if facts.card >= 0:
        card = &shard.register.cards[facts.card]
        snprintf(masked, sizeof(masked), "%06u******%04u", card.first6, <unsigned int> card.last4)
    if facts.terminal >= 0:
        terminal = shard.register.terminals[facts.terminal].terminal_id
    if code[0] == 0:
        code = shard.response_codes[facts.reason]
    log.bytes += <size_t> snprintf(
        <char *> log.data + log.bytes, LINE_BYTES_MAX,
        '{"event":"exchange","time_us":%lld,"link":"%s","peer":"%u.%u.%u.%u:%u","mti":"%04d",'
        '"stan":"%06d","terminal":"%.8s","card":"%s","amount_minor":%lld,"code":"%.2s",'
        '"reason":"%s","seq":%lld,"repeated":%s,"lane":"%s","elapsed_us":%lld}\n',
        <long long> now_us, link, peer[0], peer[1], peer[2], peer[3],
        <unsigned int> facts.peer_port, <int> facts.mti,
        <int> (facts.stan if facts.stan >= 0 else 0), terminal, masked,
        <long long> (facts.amount_minor if facts.amount_minor > 0 else 0), code,
        shard.reason_names[facts.reason], <long long> facts.seq,
        <const char *> ("true" if facts.repeated else "false"),
        <const char *> ("slow" if facts.slow else "fast"), <long long> elapsed_us)
    return 0


cdef int line_write_closed(const char *link, uint32_t peer_address, uint16_t peer_port,
                            const char *what, int64_t now_us, Buffer *log) noexcept nogil:
    """Append the line of a connection that was closed. 0, or -1 when full."""
    cdef const uint8_t *peer = <const uint8_t *> &peer_address
    if log.bytes + LINE_BYTES_MAX > LOG_BYTES_MAX or buffer_reserve(log, LINE_BYTES_MAX) != 0:
        return -1
    log.bytes += <size_t> snprintf(
        <char *> log.data + log.bytes, LINE_BYTES_MAX,
        '{"event":"connection_closed","time_us":%lld,"link":"%s","peer":"%u.%u.%u.%u:%u",'
        '"why":"%s"}\n',
        <long long> now_us, link, peer[0], peer[1], peer[2], peer[3], <unsigned int> peer_port,
        what)
    return 0
