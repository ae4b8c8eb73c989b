"""Numbers that the compiled core shares with `switch.operations`, `.reasons` and `.limits`.

`tests/switch/test_words.py` holds both sides equal.
"""

cdef enum Operation:
    OPERATION_NONE = 0
    PURCHASE = 1
    POINTS_PAYMENT = 2
    REFUND = 3
    LOAD = 4
    BALANCE = 5
    POINTS_BALANCE = 6
    HOLD = 7
    PREAUTHORISATION = 8
    COMPLETION = 9
    REVERSAL = 10
    SIGN_ON = 11
    SIGN_OFF = 12
    ECHO = 13
    CUT_OVER = 14
    KEY_EXCHANGE = 15
    ACTIVATION = 16
    WITHDRAWAL = 17
    RENEWAL = 18
    ITEM_REGISTRATION = 19
    ITEM_INQUIRY = 20
    ITEM_CLAIM = 21
    REPAYMENT = 22
    SETTLEMENT = 23
    DEBT_INQUIRY = 24
    VOUCHER_REDEMPTION = 25
    OPERATION_COUNT = 26        # arrays by operation have room for 32

cdef inline bint is_without_amount(int operation) noexcept nogil:
    """What moves no amount of the message's: it is undone as a whole or not at all."""
    return (operation == RENEWAL or operation == ITEM_REGISTRATION
            or operation == ITEM_INQUIRY or operation == ITEM_CLAIM
            or operation == DEBT_INQUIRY or operation == VOUCHER_REDEMPTION)

cdef enum MessageClass:
    CLASS_NONE = 0
    CLASS_AUTHORISATION = 1
    CLASS_FINANCIAL = 2
    CLASS_ADVICE = 3
    CLASS_REVERSAL = 4
    CLASS_NETWORK = 5
    CLASS_REVERSAL_ADVICE = 6

cdef enum CardStatus:
    CARD_ACTIVE = 0
    CARD_STATUS_BLOCKED = 1
    CARD_STATUS_LOST = 2
    CARD_STATUS_STOLEN = 3
    CARD_STATUS_CLOSED = 4

cdef enum ExchangeState:
    STATE_DECLINED = 0
    STATE_APPROVED = 1
    STATE_HELD = 2
    STATE_CAPTURED = 3
    STATE_RELEASED = 4
    STATE_EXPIRED = 5
    STATE_REVERSED = 6
    STATE_TOMBSTONE = 7

cdef enum JournalKind:
    KIND_EXCHANGE = 1
    KIND_EVENT = 2
    KIND_TAKEOVER = 3
    KIND_HOLD_EXPIRY = 4
    KIND_CLOCK = 5

cdef enum Reason:
    REASON_NONE = 0
    FORMAT_ERROR = 1
    UNKNOWN_MESSAGE_TYPE = 2
    UNKNOWN_PROCESSING_CODE = 3
    MANDATORY_ELEMENT_MISSING = 4
    CLOCK_OUTSIDE_WINDOW = 5
    DUPLICATE_WITH_OTHER_CONTENT = 6
    WRONG_CURRENCY = 7
    AMOUNT_IS_ZERO = 8
    AMOUNT_TOO_LARGE = 9
    UNKNOWN_NETWORK_CODE = 10
    WRONG_ACQUIRER = 11
    MAC_MISSING = 12
    MAC_WRONG = 13
    KEY_SERIAL_REPEATED = 14
    NO_TERMINAL_KEYS = 15
    UNKNOWN_TERMINAL = 20
    TERMINAL_BLOCKED = 21
    TERMINAL_SIGNED_OFF = 22
    UNKNOWN_MERCHANT = 23
    MERCHANT_BLOCKED = 24
    UNKNOWN_CARD = 30
    CARD_BLOCKED = 31
    CARD_LOST = 32
    CARD_STOLEN = 33
    CARD_CLOSED = 34
    CARD_EXPIRED = 35
    EXPIRY_MISMATCH = 36
    OTHER_CLUB = 37
    OPERATION_NOT_ALLOWED = 40
    INSUFFICIENT_FUNDS = 41
    INSUFFICIENT_POINTS = 42
    ABOVE_TRANSACTION_LIMIT = 43
    ABOVE_DAY_AMOUNT = 44
    ABOVE_DAY_COUNT = 45
    ABOVE_BALANCE_LIMIT = 46
    PARTIALLY_APPROVED = 47
    CHIP_EXPECTED = 50
    CARD_CODE_WRONG = 51
    CRYPTOGRAM_MISSING = 52
    CRYPTOGRAM_REPEATED = 53
    CRYPTOGRAM_WRONG = 54
    PIN_MISSING = 55
    PIN_TRIES_EXCEEDED = 56
    PIN_UNREADABLE = 57
    PIN_WRONG = 58
    DYNAMIC_CODE_WRONG = 59
    ORIGINAL_NOT_FOUND = 60
    ORIGINAL_REVERSED_BEFORE_ARRIVAL = 61
    HOLD_ALREADY_CAPTURED = 62
    HOLD_ALREADY_RELEASED = 63
    HOLD_EXPIRED = 64
    CAPTURE_ABOVE_HOLD = 65
    REFUND_ABOVE_ORIGINAL = 66
    ORIGINAL_IS_ANOTHER_CARD = 67
    ORIGINAL_NOT_REFUNDABLE = 68
    REVERSED_UNKNOWN_ORIGINAL = 69
    REVERSED_BEFORE = 70
    REPLACEMENT_ABOVE_ORIGINAL = 71
    REVERSED_DECLINED_ORIGINAL = 72
    LEDGER_UNAVAILABLE = 80
    OVERLOADED = 81
    TOO_MANY_MOVES = 82
    PRICING_FAILED = 83
    HSM_UNAVAILABLE = 84
    CARD_NOT_ACTIVATED = 100
    CARD_ALREADY_ACTIVATED = 101
    CARD_NOT_LINKED = 102
    MEMBERSHIP_ENDED = 103
    ABOVE_PERIOD_AMOUNT = 104
    ABOVE_PERIOD_COUNT = 105
    ITEM_MISSING = 106
    ITEM_UNKNOWN = 107
    ITEM_KNOWN = 108
    ITEM_TERM_ENDED = 109
    ITEM_CLAIMED = 110
    INSTALMENTS_REFUSED = 111
    SETTLEMENT_IS_ANOTHER = 112
    VOUCHER_REFUSED = 113
    VOUCHER_PRICE_IS_ANOTHER = 114
    VOUCHER_TRIES_EXCEEDED = 115
    VOUCHER_REDEEMED = 116
    VOUCHER_UNREADABLE = 117
    PROGRAMME_RETIRED = 120
    ABOVE_MERCHANT_AMOUNT = 121
    ABOVE_MERCHANT_COUNT = 122
    ABOVE_BUDGET_AMOUNT = 123
    ABOVE_BUDGET_COUNT = 124
    ISSUER_DECLINED = 90
    ISSUER_TIMEOUT = 91
    ISSUER_UNAVAILABLE = 92
    REASON_COUNT = 125

cdef enum:
    MOVES_MAX = 512         # moves of one journal entry (a spend may touch many lots)
    HOLD_MOVES_MAX = 253    # of a hold: its completion gives back as many and makes as many
    REPLY_BYTES_MAX = 1024  # an ISO 8583 reply of ours, without framing
    FRAME_BYTES_MAX = 4096  # a request, without framing
    OUTPUT_BYTES_MAX = 2097152      # replies that a peer has not read
    READ_BYTES_MAX = 8192           # of one connection at once
    TURN_US_MAX = 2000              # of serving before replies that became durable get theirs
    UNANSWERED_MAX = 2048           # of one connection: beyond it, requests get 91
    TRUNK_OUTPUT_BYTES_MAX = 16777216   # of a link to another shard
    TRUNK_REQUEST_BYTES_MAX = 8388608   # of it: beyond, what can be refused is refused
    TRUNK_READ_BYTES_MAX = 65536        # of it at once
    HANDSHAKES_WAIT_US_MAX = 1000   # for replies that wait for their rows
    TURN_HANDSHAKES_MAX = 2         # steps of TLS handshakes in a turn: see switch/limits.py
    PRICE_QUEUE_MAX = 8192          # messages that wait to be priced in Python

cdef enum:
    PRICING_SLOW_US = 50000         # of one message: a function that takes longer is told of
