"""What a message has to prove. See `_proofs.pxd`.

The sender is checked before anything else is believed, so a message with a MAC asks for all that it
needs at once; the rest is judged where the card's programme is known, after repeats are answered.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from switch._dynamic_codes cimport MODE_CONTACTLESS_STRIPE, counter_after
from switch._keyring cimport (
    IssuerKeys, SealedKey, derivation_key, issuer_keys, terminal_keys,
)
from switch._plan cimport PIN_ALWAYS, PIN_NEVER, Security
from switch._register cimport (
    NO_PVV, Card, find_acquirer, find_card, find_terminal,
)
from switch._shard cimport (
    PROOF_CARD_CODE, PROOF_CRYPTOGRAM, PROOF_DYNAMIC_CODE, PROOF_MAC, PROOF_PIN, PROOF_VOUCHER,
    PROVE_FIRST, Verdict,
)
from switch._words cimport (
    CARD_CODE_WRONG, CHIP_EXPECTED, CLASS_AUTHORISATION, CLASS_FINANCIAL, CRYPTOGRAM_MISSING,
    CRYPTOGRAM_REPEATED, CRYPTOGRAM_WRONG, DYNAMIC_CODE_WRONG, HSM_UNAVAILABLE,
    KEY_SERIAL_REPEATED, MAC_MISSING, MAC_WRONG, NO_TERMINAL_KEYS, PIN_MISSING, PIN_TRIES_EXCEEDED,
    PIN_UNREADABLE, PIN_WRONG, REASON_NONE, REFUND, VOUCHER_REDEMPTION, VOUCHER_UNREADABLE,
)

cdef enum:                      # DE 22, how the card was read
    MODE_CHIP = 5
    MODE_CONTACTLESS = 7
    MODE_FALLBACK = 80          # by its stripe, because its chip could not be read

cdef enum Source:               # of what a message says of its card
    SOURCE_UNPROVEN = 0         # its number alone, or a programme that asks its cards for nothing
    SOURCE_CHIP = 1             # has to show a cryptogram
    SOURCE_STRIPE_MODE = 2      # a contactless chip's track: has to show a dynamic code
    SOURCE_STRIPE = 3           # has to show its card code, and that there is no chip


cdef Source source_of(const Request *request, const Security *security,
                      const IssuerKeys *issuer) noexcept nogil:
    """Whose rules a message has to follow. DE 22 can only choose among proofs, never go without.

    A track is a stripe's, whatever DE 22 says, or does not say, unless a chip gave it: by chip's
    rules (05, 07) where the programme checks chips, or by those of stripe mode (91) where it has a
    key for dynamic codes.
    """
    if not security.card_code and not security.chip:
        return SOURCE_UNPROVEN
    if security.chip and (request.entry_mode == MODE_CHIP
                          or request.entry_mode == MODE_CONTACTLESS):
        return SOURCE_CHIP
    if request.entry_mode == MODE_CONTACTLESS_STRIPE and makes_dynamic_codes(issuer):
        return SOURCE_STRIPE_MODE
    return SOURCE_STRIPE if request.has_track2 else SOURCE_UNPROVEN


cdef inline bint makes_dynamic_codes(const IssuerKeys *issuer) noexcept nogil:
    return issuer != NULL and issuer.dynamic_code.bytes != 0


cdef inline bint has_chip(const Request *request) noexcept nogil:
    """Service codes 2xx and 6xx: the card has a chip (ISO/IEC 7813)."""
    return request.service_code // 100 == 2 or request.service_code // 100 == 6


cdef inline int32_t key_counter(const Request *request) noexcept nogil:
    return ((request.key_serial[7] & 0x1f) << 16 | request.key_serial[8] << 8
            | request.key_serial[9])


cdef inline bint may_use_before(const TerminalKeys *keys, const Moment *now) noexcept nogil:
    return keys.before_until_s > now.unix_s


cdef bint can_read_pin(const Shard *shard, const Request *request, const TerminalKeys *keys,
                       int32_t acquirer_row) noexcept nogil:
    """Is there a key under which the terminal's PIN blocks are?"""
    if request.has_key_serial:
        return derivation_key(&shard.keyring, acquirer_row) != NULL
    return keys != NULL and keys.pin[0].bytes != 0


cdef inline bint has_pin_of(const Shard *shard, const Card *card) noexcept nogil:
    """Can the card's PIN be verified: by its value here, or by its own bank?"""
    return card.pvv != NO_PVV or shard.plans[card.programme_row].host


cdef inline const SealedKey *pin_key(const Shard *shard, const Card *card,
                                     const IssuerKeys *issuer) noexcept nogil:
    """The key by which a PIN is verified, or under which it is passed on."""
    if shard.plans[card.programme_row].host:
        return &issuer.zone_pin
    return &issuer.pin_verification


cdef const IssuerKeys *voucher_keys(const Shard *shard, const Card *card) noexcept nogil:
    """Keys of the programme whose vouchers a card takes; NULL: it takes none, or they have none."""
    cdef int32_t programme = shard.plans[card.programme_row].vouchers.programme
    cdef int32_t row
    for row in range(shard.plan_count if programme else 0):
        if shard.plans[row].programme == programme:
            return issuer_keys(&shard.keyring, row)
    return NULL


cdef bint can_digest(const Shard *shard, const Request *request, const TerminalKeys *keys,
                     const Card *card) noexcept nogil:
    """Is there a voucher's PIN, a key that it is under, and one that makes its digest?"""
    cdef const IssuerKeys *vouchers
    if (request.operation != VOUCHER_REDEMPTION or not request.has_voucher_pin or keys == NULL
            or keys.data[0].bytes == 0):
        return False
    vouchers = voucher_keys(shard, card)
    return vouchers != NULL and vouchers.voucher.bytes != 0


cdef bint asks_programme(const Request *request) noexcept nogil:
    """Is the card's holder asking now? Refunds give back, and what is undone was proven before."""
    return (request.has_card and request.operation != REFUND
            and (request.message_class == CLASS_AUTHORISATION
                 or request.message_class == CLASS_FINANCIAL))


cdef uint8_t wanted_of_card(const Shard *shard, const Request *request, const TerminalKeys *keys,
                            const Card *card) noexcept nogil:
    """What the HSM has to say of the card and its holder, as far as it can be asked at all."""
    cdef const Security *security = &shard.plans[card.programme_row].security
    cdef const IssuerKeys *issuer = issuer_keys(&shard.keyring, card.programme_row)
    cdef Source source = source_of(request, security, issuer)
    cdef uint8_t wanted = PROOF_VOUCHER if can_digest(shard, request, keys, card) else 0
    if issuer == NULL:
        return wanted
    if (security.pin != PIN_NEVER and request.has_pin and has_pin_of(shard, card)
            and pin_key(shard, card, issuer).bytes and card.pin_tries < security.pin_tries_max
            and can_read_pin(shard, request, keys,
                             find_acquirer(&shard.register, request.acquirer))):
        wanted |= PROOF_PIN
    if source == SOURCE_STRIPE and security.card_code and issuer.card_code.bytes:
        wanted |= PROOF_CARD_CODE
    if (source == SOURCE_CHIP and request.has_chip and issuer.cryptogram.bytes
            and request.card_counter > card.counter):
        wanted |= PROOF_CRYPTOGRAM
    if (source == SOURCE_STRIPE_MODE
            and counter_after(&issuer.places, card.counter, request.counter_digits) >= 0):
        wanted |= PROOF_DYNAMIC_CODE
    return wanted


cdef uint8_t wanted_of(const Shard *shard, const Request *request,
                       const TerminalKeys *keys) noexcept nogil:
    cdef int64_t card
    if not asks_programme(request):
        return 0
    card = find_card(&shard.register, request.card_token)
    if card < 0:
        return 0
    return wanted_of_card(shard, request, keys, &shard.register.cards[card])


cdef int ask(Decision *decision, uint8_t wanted) noexcept nogil:
    decision.status = PROVE_FIRST
    decision.wanted = wanted
    return REASON_NONE


cdef bint settled(const Verdict *verdict, uint8_t proof) noexcept nogil:
    """Was it asked for, or can it not be?"""
    return (verdict.asked | verdict.away) & proof


cdef int check_sender(const Shard *shard, const Request *request, const Moment *now,
                      Decision *decision, const TerminalKeys **keys) noexcept nogil:
    """Is the message its terminal's own? A Reason, or PROVE_FIRST in the decision's status.

    `keys` comes out as the terminal's when its messages carry a MAC and this one's is right: then
    the reply carries one, too. NULL: no MAC is asked for.
    """
    cdef const TerminalKeys *known
    cdef const Verdict *verdict = &request.recall.verdict
    cdef int32_t terminal
    keys[0] = NULL
    if shard.keyring.terminal_count == 0:
        return REASON_NONE
    terminal = find_terminal(&shard.register, request.acquirer, request.terminal_id)
    known = terminal_keys(&shard.keyring, terminal) if terminal >= 0 else NULL
    if known == NULL or known.mac_algorithm == 0:
        return REASON_NONE
    if request.mac_element == 0:
        return MAC_MISSING
    if not settled(verdict, PROOF_MAC):
        return ask(decision, PROOF_MAC | wanted_of(shard, request, known))
    if verdict.away & PROOF_MAC:
        return HSM_UNAVAILABLE
    if not verdict.right & PROOF_MAC:
        if not verdict.keys_before and may_use_before(known, now) and known.mac[1].bytes:
            decision.wanted = PROOF_MAC | wanted_of(shard, request, known)
            decision.status = PROVE_FIRST
            return REASON_NONE
        return MAC_WRONG
    keys[0] = known
    return REASON_NONE


cdef int check_stripe(const Request *request, const Security *security,
                      const IssuerKeys *issuer, Decision *decision) noexcept nogil:
    """A stripe is read where there is no chip, or where it failed and the programme allows it.

    A programme has cards with chips when it checks them, or the codes that they make.
    """
    cdef const Verdict *verdict = &request.recall.verdict
    if ((security.chip or makes_dynamic_codes(issuer)) and has_chip(request)
            and not (request.entry_mode == MODE_FALLBACK and security.fallback)):
        return CHIP_EXPECTED
    if not security.card_code:
        return REASON_NONE
    if issuer == NULL or issuer.card_code.bytes == 0 or verdict.away & PROOF_CARD_CODE:
        return HSM_UNAVAILABLE
    if not verdict.right & PROOF_CARD_CODE:
        return CARD_CODE_WRONG
    decision.row.proofs |= PROOF_CARD_CODE
    return REASON_NONE


cdef int check_stripe_mode(const Request *request, const IssuerKeys *issuer, const Card *card,
                           Decision *decision) noexcept nogil:
    """A chip that speaks as a stripe proves itself by a code that nobody has shown before.

    The track has only the last digits of its counter. The HSM was asked with the whole one: that
    is the one whose code was right, whatever the card has shown meanwhile.
    """
    cdef const Verdict *verdict = &request.recall.verdict
    cdef int32_t counter
    if request.counter_digits < 0:
        return DYNAMIC_CODE_WRONG
    counter = (verdict.card_counter if verdict.asked & PROOF_DYNAMIC_CODE else
               counter_after(&issuer.places, card.counter, request.counter_digits))
    if counter <= card.counter:
        return CRYPTOGRAM_REPEATED
    if verdict.away & PROOF_DYNAMIC_CODE:
        return HSM_UNAVAILABLE
    if not verdict.right & PROOF_DYNAMIC_CODE:
        return DYNAMIC_CODE_WRONG
    decision.row.proofs |= PROOF_DYNAMIC_CODE
    decision.row.card_counter = counter
    return REASON_NONE


cdef int check_chip(const Request *request, const IssuerKeys *issuer, const Card *card,
                    Decision *decision) noexcept nogil:
    """A chip proves itself by a cryptogram that nobody has shown before."""
    cdef const Verdict *verdict = &request.recall.verdict
    if not request.has_chip:
        return CRYPTOGRAM_MISSING
    if request.card_counter <= card.counter:
        return CRYPTOGRAM_REPEATED
    if issuer == NULL or issuer.cryptogram.bytes == 0 or verdict.away & PROOF_CRYPTOGRAM:
        return HSM_UNAVAILABLE
    # A right one over another amount is no proof of this message.
    if (not verdict.right & PROOF_CRYPTOGRAM
            or request.chip_minor != (request.amount_minor if request.amount_minor > 0 else 0)):
        return CRYPTOGRAM_WRONG
    decision.row.proofs |= PROOF_CRYPTOGRAM
    decision.row.card_counter = request.card_counter
    return REASON_NONE


cdef int check_pin(const Shard *shard, const Request *request, const Security *security,
                   const IssuerKeys *issuer, const TerminalKeys *keys, const Moment *now,
                   const Card *card, Decision *decision) noexcept nogil:
    """The holder proves himself by the PIN; a wrong one costs a try."""
    cdef const Verdict *verdict = &request.recall.verdict
    cdef int32_t acquirer_row = find_acquirer(&shard.register, request.acquirer)
    if not request.has_pin:
        return PIN_MISSING if security.pin == PIN_ALWAYS else REASON_NONE
    if not has_pin_of(shard, card):
        return PIN_MISSING if security.pin == PIN_ALWAYS else REASON_NONE
    if card.pin_tries >= security.pin_tries_max:
        return PIN_TRIES_EXCEEDED
    if not can_read_pin(shard, request, keys, acquirer_row):
        return NO_TERMINAL_KEYS
    if (issuer == NULL or pin_key(shard, card, issuer).bytes == 0
            or verdict.away & PROOF_PIN):
        return HSM_UNAVAILABLE
    if request.has_key_serial:
        if (key_counter(request)
                <= shard.register.terminals[decision.row.terminal].key_counter):
            return KEY_SERIAL_REPEATED
        decision.row.key_serial = key_counter(request)
    if verdict.unreadable & PROOF_PIN:
        if (not request.has_key_serial and not verdict.keys_before and keys.pin[1].bytes
                and may_use_before(keys, now)):
            return ask(decision, wanted_of(shard, request, keys))
        return PIN_UNREADABLE
    if not verdict.right & PROOF_PIN:
        return PIN_WRONG
    if not shard.plans[card.programme_row].host:
        decision.row.proofs |= PROOF_PIN
    return REASON_NONE


cdef int check_holder(Shard *shard, const Request *request, const Moment *now,
                      Decision *decision) noexcept nogil:
    """Is the card the issuer's, and its holder here? A Reason, or PROVE_FIRST in the status."""
    cdef const Card *card = &shard.register.cards[decision.row.card]
    cdef const Security *security = &shard.plans[card.programme_row].security
    cdef const IssuerKeys *issuer
    cdef const TerminalKeys *keys
    cdef Source source
    cdef uint8_t wanted
    cdef int reason = REASON_NONE
    if security.pin == PIN_NEVER and not security.card_code and not security.chip:
        return REASON_NONE
    issuer = issuer_keys(&shard.keyring, card.programme_row)
    keys = terminal_keys(&shard.keyring, decision.row.terminal)
    wanted = wanted_of_card(shard, request, keys, card)
    if wanted & ~(request.recall.verdict.asked | request.recall.verdict.away):
        return ask(decision, wanted)
    source = source_of(request, security, issuer)
    if source == SOURCE_STRIPE:
        reason = check_stripe(request, security, issuer, decision)
    elif source == SOURCE_STRIPE_MODE:
        reason = check_stripe_mode(request, issuer, card, decision)
    elif source == SOURCE_CHIP:
        reason = check_chip(request, issuer, card, decision)
    if reason == REASON_NONE and security.pin != PIN_NEVER:
        reason = check_pin(shard, request, security, issuer, keys, now, card, decision)
    return reason


cdef int check_voucher_pin(const Shard *shard, const Request *request, const Moment *now,
                           Decision *decision) noexcept nogil:
    """Is there a digest of the voucher's PIN? A Reason, or PROVE_FIRST in the status.

    Without one nobody has guessed: what an HSM cannot take for a PIN (a wrong check digit, another
    key) was mistyped.
    """
    cdef const Verdict *verdict = &request.recall.verdict
    cdef const Card *card = &shard.register.cards[decision.row.card]
    cdef const TerminalKeys *keys = terminal_keys(&shard.keyring, decision.row.terminal)
    if not request.has_voucher_pin:
        return VOUCHER_UNREADABLE
    if keys == NULL or keys.data[0].bytes == 0:
        return NO_TERMINAL_KEYS
    if verdict.away & PROOF_VOUCHER or not can_digest(shard, request, keys, card):
        return HSM_UNAVAILABLE
    if not verdict.asked & PROOF_VOUCHER:
        return ask(decision, wanted_of_card(shard, request, keys, card))
    if not verdict.right & PROOF_VOUCHER:
        if (not verdict.keys_before and keys.data[1].bytes and may_use_before(keys, now)):
            return ask(decision, wanted_of_card(shard, request, keys, card))
        return VOUCHER_UNREADABLE
    decision.row.proofs |= PROOF_VOUCHER
    return REASON_NONE
