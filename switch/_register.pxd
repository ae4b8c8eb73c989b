"""The register: clubs, acquirers, merchants, terminals, cards and vouchers that a shard knows.

Rows are numbered in the order of the journal's events, so a number means the same for ever. Names
and whatever else does not decide an authorisation stay in the events.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t

from switch._index cimport Index

cdef enum:
    TOKEN_BYTES = 16
    DIGEST_BYTES = 32
    NOT_REDEEMED = 0xffffffff   # of a voucher: no card has got its value
    HANDED_OVER = 0xfffffffe    # another shard has got it, with its value
    TERMINAL_ID_BYTES = 8       # DE 41
    MERCHANT_ID_BYTES = 15      # DE 42
    NO_PVV = 0xffff
    CLOCK_UNHEARD = -0x7fffffff # behind everything: no message claimed such a time yet

cdef enum ClubSlot:
    CLUB_FLOAT = 0              # money that came in from outside: what loads are paid from
    CLUB_DISCOUNTS = 1          # discounts that the club pays
    CLUB_POINTS_PAID = 2        # what the club pays merchants for points
    CLUB_FEES = 3               # commission that merchants pay
    CLUB_POINTS_ISSUED = 4      # points: below zero by all that was ever earned
    CLUB_POINTS_REDEEMED = 5    # points: all that was ever spent
    CLUB_SLOTS_FIRST = 6        # that every club has; those of later versions follow
    CLUB_COUNTS = 6             # counts: what stands against what cards have of them
    CLUB_POINTS_EXPIRED = 7     # points: all that ended without having been spent
    CLUB_BREAKAGE = 8           # money of cards that ended without having been spent
    CLUB_SLOTS = 9

cdef struct Club:
    int64_t accounts            # first of its slots
    int32_t club
    uint16_t currency
    uint16_t points_unit
    uint16_t counts_unit
    uint8_t slots               # how many accounts it has

cdef struct Merchant:
    int64_t account             # what the club owes the merchant
    char merchant_id[15]
    uint8_t status              # 0 = active
    int32_t club_row
    int32_t category            # merchant category code, DE 18

cdef struct Tries:              # wrong PINs of vouchers
    int32_t day                 # business day of the count
    int32_t count

cdef struct Terminal:
    char terminal_id[8]
    int32_t acquirer
    int32_t merchant_row
    int32_t local_ahead_s       # most that DE 12 and 13 were ever ahead of our clock, read as UTC
    int32_t sent_ahead_s        # the same of DE 7; both CLOCK_UNHEARD before the first
    int32_t key_counter         # of the last derived key that was used (DUKPT)
    uint8_t status              # 0 = active
    uint8_t signed_off
    Tries voucher_tries

cdef struct Acquirer:
    int32_t acquirer
    char code[11]               # DE 32
    uint8_t code_bytes
    int32_t business_day        # days since 1970-01-01

cdef struct Card:
    uint8_t token[16]
    int64_t accounts            # first of its programme's slots
    int64_t day_spent_minor     # on `day`
    int32_t day                 # business day of the two counters
    int32_t day_count
    int32_t programme_row
    int16_t expires_yymm
    uint16_t last4
    uint32_t first6
    uint8_t status              # CardStatus
    uint8_t pin_tries           # wrong PINs since the last right one
    uint16_t pvv                # PIN verification value, 0 to 9999; NO_PVV = none
    int32_t counter             # of the chip's last cryptogram that was right, ATC; -1 = none yet
    uint8_t pvki                # which PIN verification key
    int64_t linked              # card that this one is linked to; -1 = none
    int64_t voucher             # row of the voucher that it is; -1 = it is none
    Tries voucher_tries

cdef struct Voucher:            # a card that is redeemed by its PIN into another card
    uint8_t digest[32]          # of its PIN, by the HSM
    uint32_t card               # its own number, under which it is sold
    uint32_t redeemed_by        # card that has got its value; NOT_REDEEMED, HANDED_OVER
    int64_t price_minor         # what a till takes for it
    int64_t points              # 0 = it is worth its price
    int64_t hop                 # how often it has gone from shard to shard

cdef struct Register:
    Club *clubs
    int32_t club_count
    Merchant *merchants
    int32_t merchant_count
    Terminal *terminals
    int32_t terminal_count
    Acquirer *acquirers
    int32_t acquirer_count
    Card *cards
    int64_t card_count
    Voucher *vouchers
    int64_t voucher_count
    Index merchant_index
    Index terminal_index
    Index card_index
    Index voucher_index

cdef void register_clear(Register *register) noexcept nogil
cdef Club *register_add_club(Register *register) noexcept nogil
cdef Acquirer *register_add_acquirer(Register *register) noexcept nogil
cdef Merchant *register_add_merchant(Register *register, const char *merchant_id) noexcept nogil
cdef Terminal *register_add_terminal(Register *register, int32_t acquirer,
                                     const char *terminal_id) noexcept nogil
cdef Card *register_add_card(Register *register, const uint8_t *token) noexcept nogil
cdef Voucher *register_add_voucher(Register *register, const uint8_t *digest) noexcept nogil
cdef int register_index_all(Register *register) noexcept nogil
cdef int32_t find_club(const Register *register, int32_t club) noexcept nogil
cdef int32_t find_acquirer(const Register *register, int32_t acquirer) noexcept nogil
cdef int32_t find_merchant(const Register *register, const char *merchant_id) noexcept nogil
cdef int32_t find_terminal(const Register *register, int32_t acquirer,
                           const char *terminal_id) noexcept nogil
cdef int64_t find_card(const Register *register, const uint8_t *token) noexcept nogil
cdef int64_t find_voucher(const Register *register, const uint8_t *digest) noexcept nogil
