"""What the HSM is asked, as payShield-style host commands: bytes out of a message and sealed keys.

Knows no socket and decides nothing. Layouts as in docs/hsm.md.
"""

from libc.stdint cimport int32_t, uint8_t

from switch._keyring cimport IssuerKeys, SealedKey, TerminalKeys
from switch._lane cimport Workspace
from switch._mapping cimport Profile
from switch._register cimport Card
from switch.ledger._rows cimport Buffer

cdef struct Asking:             # what the commands of one message are made of
    const Profile *profile
    const Workspace *work       # with its scan and request
    const uint8_t *data
    const TerminalKeys *terminal    # NULL = it has none
    const IssuerKeys *issuer
    const IssuerKeys *vouchers      # of the programme whose vouchers the card takes; NULL = none
    const Card *card
    const SealedKey *derivation
    bint keys_before
    int32_t counter             # of the card, that its dynamic code is asked with

cdef size_t command_begin(Buffer *out, int32_t number) noexcept nogil
cdef void command_end(Buffer *out, size_t start) noexcept nogil
cdef bint put_mac_check(const Asking *asking, Buffer *out) noexcept nogil
cdef bint put_pin_check(const Asking *asking, Buffer *out) noexcept nogil
cdef bint put_pin_translation(const Asking *asking, Buffer *out) noexcept nogil
cdef bint put_card_code_check(const Asking *asking, Buffer *out) noexcept nogil
cdef bint put_dynamic_code_check(const Asking *asking, Buffer *out) noexcept nogil
cdef bint put_cryptogram_check(const Asking *asking, Buffer *out) noexcept nogil
cdef bint put_voucher_digest(const Asking *asking, Buffer *out) noexcept nogil
cdef void put_seal(const TerminalKeys *keys, bint keys_before, const uint8_t *data, size_t bytes,
                   Buffer *out) noexcept nogil
