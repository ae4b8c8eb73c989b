"""Between ISO 8583 and the switch's own words, by the tables of a profile.

Owns reading a scanned message into a `Request`; `_replies` writes what comes back. Must not know a
dialect (that is the spec), a requester by name (that is the profile) or why anything was decided.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from switch._shard cimport Request, Shard
from switch.iso8583._codec cimport Plan as SpecPlan
from switch.iso8583._codec cimport Scan

cdef enum:
    FIELD_COUNT = 29
    TAG_COUNT = 35
    OPERATION_ROWS_MAX = 64
    REPLY_STEPS_MAX = 40

cdef enum:                      # fields, as in `switch.profile.Field`
    F_PAN = 0
    F_PROCESSING_CODE = 1
    F_AMOUNT = 2
    F_TRANSMITTED_AT = 3
    F_STAN = 4
    F_LOCAL_TIME = 5
    F_LOCAL_DATE = 6
    F_EXPIRY = 7
    F_SETTLEMENT_DATE = 8
    F_CONDITION_CODE = 9
    F_ACQUIRER = 10
    F_TRACK2 = 11
    F_RRN = 12
    F_AUTHORISATION_CODE = 13
    F_RESPONSE_CODE = 14
    F_TERMINAL = 15
    F_MERCHANT = 16
    F_PRIVATE = 17
    F_CURRENCY = 18
    F_BALANCES = 19
    F_NETWORK_CODE = 20
    F_ORIGINAL = 21
    F_REPLACEMENT = 22
    F_ENTRY_MODE = 23
    F_CARD_SEQUENCE = 24
    F_PIN_BLOCK = 25
    F_CHIP_DATA = 26
    F_MAC = 27
    F_MAC_EXTENDED = 28

cdef enum:                      # tags, as in `switch.profile.Tag`
    T_POINTS_LIMIT = 0
    T_PARTIAL_OK = 1
    T_ORIGINAL_TERMINAL = 2
    T_DISCOUNT = 3
    T_FUNDER = 4
    T_MONEY = 5
    T_POINTS_REDEEMED = 6
    T_POINTS_VALUE = 7
    T_POINTS_EARNED = 8
    T_DISCOUNT_RULE = 9
    T_EARN_RULE = 10
    T_REASON = 11
    T_FAULT_ELEMENT = 12
    T_KEY_SERIAL = 13
    T_PIN_KEY = 14
    T_MAC_KEY = 15
    T_ITEM = 16
    T_PARTS = 17
    T_CASH = 18
    T_FEE = 19
    T_TIER = 20
    T_UNTIL = 21
    T_PLAN = 22
    T_INSTALMENTS = 23
    T_FIRST_INSTALMENT = 24
    T_FIRST_DUE = 25
    T_OWED = 26
    T_DUE = 27
    T_VOUCHER_PIN = 28
    T_DATA_KEY = 29
    T_VOUCHER_MONEY = 30
    T_VOUCHER_POINTS = 31
    T_BOUND = 32
    T_EARN_BOUND = 33
    T_REBATE = 34

cdef enum ReadStatus:
    READ_DONE = 0
    READ_REFUSED = 1            # answer with `reason`, and `fault_element` when it is above 0
    READ_IGNORED = 2            # a response, or nothing that could be answered at all
    READ_HOPELESS = 3           # not even a message type: the stream has lost its way

cdef struct OperationRow:
    uint8_t message_class
    uint8_t operation
    int16_t transaction_type
    int16_t from_account        # -1 = any
    int16_t condition_code      # -1 = any

cdef struct ReplyStep:
    int16_t element
    uint8_t field
    uint8_t echoed              # copied from the request when it is there

cdef struct Profile:
    const SpecPlan *spec
    int16_t element[29]         # of each field
    int32_t row_count
    OperationRow rows[64]
    int32_t network_count
    int16_t network_codes[16]
    uint8_t network_operations[16]
    uint64_t mandatory[8]       # by message class, a bit for each field
    uint64_t without_amount     # a bit for each operation
    int32_t step_count
    ReplyStep steps[40]         # elements of a reply, ascending
    char tags[35][2]
    int32_t mac_bytes           # of a MAC in its messages: 8, or 16 where it is characters
    int32_t acquirer            # number, of the link
    uint8_t acquirer_code[12]   # DE 32 of the link, as text
    int32_t acquirer_code_bytes

cdef struct Faults:             # why a message was not read
    int reason
    int32_t element             # 0 = none
    int scan_fault              # Fault of the codec

cdef int read_request(const Shard *shard, const Profile *profile, const Scan *scan,
                      const uint8_t *data, Request *request, Faults *faults) noexcept nogil
cdef bint read_hex(const uint8_t *characters, size_t count, uint8_t *out,
                   size_t bytes) noexcept nogil
cdef int read_class(const Profile *profile, const Scan *scan, const uint8_t *data,
                    Request *request) noexcept nogil
