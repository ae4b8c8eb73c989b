"""Sealed keys of terminals and programmes, as the HSM takes them.

No key is in the clear here: each is the text that an HSM gave out, under its own master key, and
gives to it again with every command. Rebuilt from the journal's events by `switch.directory`; it is
in no image of a snapshot. Knows no command.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t

cdef enum:
    MAC_RETAIL = 1              # ISO 9797-1 algorithm 3
    MAC_CMAC = 2
    SEALED_BYTES_MAX = 191      # a key block of the longest key, with room for optional blocks

cdef struct SealedKey:
    uint8_t bytes               # 0 = there is none
    char text[191]

cdef struct CodePlaces:         # on track 2, of a contactless card's stripe mode (`_dynamic_codes`)
    uint16_t code               # a bit for each digit; the lowest is the track's last digit
    uint16_t number             # of the ATC, then of the terminal's unpredictable number
    uint8_t counter_digits      # how many of them are the ATC's

cdef struct IssuerKeys:         # of a programme
    SealedKey pin_verification  # PVK
    SealedKey card_code         # CVK
    SealedKey cryptogram        # issuer master key of chips' cryptograms, MK-AC
    SealedKey dynamic_code      # issuer master key of CVC3, MK-CVC3
    CodePlaces places
    SealedKey zone_pin          # ZPK, shared with the bank whose cards they are
    uint8_t code_at             # digits between service code and card code on track 2
    SealedKey voucher           # of the digests of its vouchers' PINs
    uint8_t label_bytes         # what they are digested with besides: their product
    char label[32]

cdef struct TerminalKeys:       # what every message looks at comes first: one line of the cache
    int64_t before_until_s      # so long the ones before hold; 0 = there are none
    uint8_t mac_algorithm       # 0 = its messages carry no MAC
    SealedKey pin[2]            # TPK: the one in force, and the one before
    SealedKey mac[2]            # TAK
    SealedKey data[2]           # TEK
    SealedKey told_pin          # what a key exchange's reply says: under the terminal's own key
    SealedKey told_mac
    SealedKey told_data

cdef struct Keyring:
    IssuerKeys **issuers        # by row of the programme; NULL = none
    int32_t issuer_count
    TerminalKeys **terminals    # by number of the terminal; NULL = none
    int32_t terminal_count
    SealedKey *derivations      # BDK by row of the acquirer
    int32_t derivation_count

cdef void keyring_clear(Keyring *keyring) noexcept nogil
cdef IssuerKeys *keyring_issuer(Keyring *keyring, int32_t plan_row) noexcept nogil
cdef TerminalKeys *keyring_terminal(Keyring *keyring, int32_t terminal) noexcept nogil
cdef SealedKey *keyring_derivation(Keyring *keyring, int32_t acquirer_row) noexcept nogil


cdef inline const IssuerKeys *issuer_keys(const Keyring *keyring,
                                          int32_t plan_row) noexcept nogil:
    """Give a programme's keys, or NULL."""
    return keyring.issuers[plan_row] if plan_row < keyring.issuer_count else NULL


cdef inline const TerminalKeys *terminal_keys(const Keyring *keyring,
                                              int32_t terminal) noexcept nogil:
    """Give a terminal's keys, or NULL."""
    return keyring.terminals[terminal] if terminal < keyring.terminal_count else NULL


cdef inline const SealedKey *derivation_key(const Keyring *keyring,
                                            int32_t acquirer_row) noexcept nogil:
    """Give the base key that an acquirer's terminals derive theirs from, or NULL."""
    if acquirer_row >= keyring.derivation_count or keyring.derivations[acquirer_row].bytes == 0:
        return NULL
    return &keyring.derivations[acquirer_row]
