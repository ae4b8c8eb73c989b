"""A shard: everything that decides, in one struct, and the one way it changes.

A message becomes a `Request`, `decide` (in `_decide`) makes a `Decision` of it, and `settle` here
writes what follows from a journal row into the register and the exchanges, whether the row was
decided a moment ago or is replayed from the journal. Moves change the book; nothing else does.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from switch._exchanges cimport Exchange, Exchanges
from switch._keyring cimport Keyring
from switch._plan cimport Moment, Plan, PriceDesk
from switch._register cimport Card, Register
from switch.ledger._batches cimport Batches
from switch.ledger._book cimport Account, Book
from switch.ledger._rows cimport Buffer, Row

cdef extern from "switch/ledger/_sha256.h":
    ctypedef struct BashgahHmacKey:
        pass
    void bashgah_hmac_key(BashgahHmacKey *key, const uint8_t *secret, size_t bytes) nogil
    void bashgah_hmac(const BashgahHmacKey *key, const uint8_t *data, size_t bytes,
                      uint8_t *digest) nogil

cdef enum:
    SLOT_COUNT = 4096           # 12 bits of a card's token, as in `switch.slots`
    EVERY_SHARD = -1            # a message that concerns all of them

cdef enum DecisionStatus:
    DECIDED = 0             # row, moves and reply are new: journal them
    REPEATED = 1            # the stored reply answers
    UNJOURNALED = 2         # answered without a row: nothing has changed and nothing could be kept
    RECALL_SEQ = 3          # the slow lane has to fetch this row first
    RECALL_KEY = 4          # the slow lane has to look for this terminal and STAN first
    PRICE_FIRST = 5         # the slow lane has to ask the programme's Python function
    PROVE_FIRST = 6         # the HSM has to say first whether `wanted` is right
    KEYS_FIRST = 7          # the slow lane has to have new keys made for the terminal first
    CARD_FIRST = 8          # the slow lane has to add another bank's card first
    ASK_ISSUER = 9          # the slow lane has to ask the card's own bank first
    SEEK_VOUCHER = 10       # the slow lane has to ask the other shards for the voucher first

cdef enum Proof:            # what a message can prove, a bit each; column `proofs` of the journal
    PROOF_MAC = 1
    PROOF_PIN = 2
    PROOF_CARD_CODE = 4
    PROOF_CRYPTOGRAM = 8
    PROOF_KEYS_BEFORE = 16  # of a verdict: by the terminal's keys of before
    PROOF_DYNAMIC_CODE = 32 # CVC3
    PROOF_VOUCHER = 64      # that it has the PIN of some voucher

cdef struct Verdict:        # what the HSM said of a message, a bit for each `Proof`
    uint8_t asked
    uint8_t right
    uint8_t unreadable      # no answer is possible: the message does not hold what it should
    uint8_t away            # no HSM could be asked
    uint8_t keys_before     # the terminal's keys of before were tried
    uint8_t keys_made       # new keys were made for the terminal
    uint8_t rounds              # how often an HSM was asked
    uint8_t has_answer      # to the card's cryptogram
    uint8_t card_answer[8]
    int32_t card_counter    # that the dynamic code was asked with
    char pin_block[16]      # under the key that is shared with the card's own bank
    uint8_t voucher[32]     # digest of the voucher's PIN, where that is right

cdef enum IssuerSaid:           # what became of asking a card's own bank
    ISSUER_APPROVED = 1
    ISSUER_REFUSED = 2
    ISSUER_SILENT = 3       # no answer that could be used: it may have happened
    ISSUER_ABSENT = 4       # it was not asked

cdef enum:
    HOST_BALANCES_MAX = 120     # characters of its DE 54
    HOST_PREFIXES_MAX = 256     # of all programmes together
    ROW_EVENT_BYTES_MAX = 320

cdef struct IssuerAnswer:
    uint8_t said                # IssuerSaid; 0 = nothing yet
    uint8_t balances_count
    char response_code[2]       # of a refusal, one of ours
    char authorisation_code[6]  # first byte 0 = none
    char balances[120]
    int64_t asked               # sequence of the question's row; 0 = there is none
    int64_t asked_s

cdef struct HostPrefix:         # cards of other banks, by how their numbers begin
    int32_t prefix
    int32_t divisor             # of a number's first eight digits, to compare with it
    int32_t plan_row

cdef enum Sought:               # what became of asking the other shards for a voucher
    SOUGHT_EVERYWHERE = 1       # all of them have answered
    SOUGHT_IN_PART = 2          # not all of them are there

cdef struct Recall:             # what was done for a message so far, before it can be decided
    Verdict verdict
    int32_t count               # how often the journal was asked
    int32_t terminal            # the last key it looked for; -1 = none
    int32_t stan
    const PriceDesk *desk       # where Python is asked, in the slow lane; NULL = not here
    uint8_t sought              # Sought; 0 = nobody was asked yet
    const IssuerAnswer *issuer  # of the card's own bank; NULL = it was not asked yet

cdef struct Request:
    Recall recall
    int64_t received_us
    int32_t acquirer
    int16_t mti                 # as sent, e.g. 201
    uint8_t message_class
    uint8_t operation
    uint8_t has_card
    uint8_t partial_ok
    uint8_t merchant_sent
    uint8_t card_token[16]
    uint8_t card_checks         # its number ends with the right check digit
    int32_t card_prefix         # its first eight digits; these are read where banks are asked
    uint16_t card_last4
    char terminal_id[8]
    char merchant_id[15]
    char original_terminal_id[8]    # first byte 0 = the same terminal
    char rrn[12]                # first byte 0 = none
    char authorisation_code[6]  # of the hold that a completion names; first byte 0 = none
    uint8_t has_pin
    uint8_t has_track2
    uint8_t has_chip
    uint8_t mac_element         # where the message's MAC stands; 0 = it has none
    uint8_t has_key_serial
    uint8_t key_serial[10]      # of the key derived for this message (DUKPT): KSN
    uint8_t has_voucher_pin
    uint8_t voucher_pin_bytes
    uint8_t voucher_pin[48]     # vector and cryptogram, under the terminal's data key
    int32_t expires_yymm        # -1 = not sent, like every number below
    int16_t entry_mode          # DE 22, the first two digits
    int16_t service_code        # of track 2
    int32_t card_counter        # of the chip's cryptogram, ATC
    int64_t chip_minor          # the amount that the cryptogram is over
    int32_t counter_digits      # the ATC's last digits on a track in stripe mode
    int32_t processing_code
    int32_t stan
    int32_t local_at
    int32_t transmitted_at
    int32_t condition_code
    int32_t settlement_at       # DE 15, MMDD
    int16_t currency
    int64_t amount_minor
    int64_t points_limit
    int64_t terms               # number of the plan to pay later; 0 = not said
    int64_t item                # of the item's serial number: name of its lot; 0 = none
    int64_t replacement_minor
    int32_t original_stan       # DE 90
    int32_t original_at         # 0 = DE 90 does not say
    int32_t original_class

cdef struct Decision:
    Row row
    int status                  # DecisionStatus
    uint8_t wanted              # with PROVE_FIRST: what the HSM has to say, a bit for each Proof
    int64_t recall_seq
    int32_t recall_terminal
    int32_t recall_stan
    int64_t net_minor           # after discount
    int64_t points_value_minor
    int64_t money_minor         # taken from the purse
    int64_t cash_minor          # to be paid at the till
    int64_t fee_minor           # of the card's holder
    int64_t until_s             # until when what the reply tells of holds; 0 = nothing told
    int64_t owed_minor          # what would end the card's debt
    int64_t due_minor           # of it, by the end of the month
    int64_t rebate_minor        # that owed_minor is without, or that was given
    int64_t first_minor         # of what was bought to be paid later: the first instalment
    int64_t first_ends_s        # end of its due day
    int32_t instalments
    int32_t terms               # number of the plan
    int64_t parts[6]            # what each wallet of the funding order pays
    int32_t tier                # -1 = no plan was asked
    int32_t utc_offset_s        # of the place that decided
    int funder                  # of the discount: 0 none, 1 merchant, 2 club, 3 both
    int32_t discount_rule       # 1 + index in the programme's names
    int32_t earn_rule
    int32_t bounds[2]           # 1 + row of the plan's: declined or discounted less, earned less
    int32_t plan_row            # -1 = none
    int64_t voucher             # row of the voucher that is redeemed, or was found; -1 = none
    int64_t voucher_points
    uint8_t seek[32]            # with SEEK_VOUCHER: digest of its PIN
    bint tells_balances
    bint points_only
    bint tells_keys             # of a key exchange: the terminal's new ones
    int64_t balances[6]         # of each wallet that the plan tells of: ledger, available
    Exchange *repeated

cdef struct HoldDue:
    uint32_t expires_s
    int64_t seq

cdef struct Counters:           # since the process started
    uint64_t declined[128]      # by Reason
    uint64_t approved[32]       # by Operation
    uint64_t repeated
    uint64_t recalled
    uint64_t unjournaled
    uint64_t holds_expired

cdef struct Shard:
    Book book
    Register register
    Keyring keyring
    Exchanges exchanges
    Plan *plans                 # one for each programme: the version that is live
    int32_t plan_count
    HoldDue *due                # a heap, soonest first
    int32_t due_count
    int32_t due_capacity
    Batches batches             # rows that have not been cut into a batch
    int64_t last_seq
    int64_t cut_seq             # last row of the last batch cut
    int64_t durable_seq
    int32_t epoch
    int16_t number
    uint8_t chain[32]
    int32_t shard_count         # 0 or 1: this shard owns every card
    int16_t owners[SLOT_COUNT]  # number of the shard that owns a slot
    int32_t clock_seconds_max   # how far a request's own time may be from ours
    BashgahHmacKey pan_key
    char response_codes[128][2] # DE 39 of each Reason
    char reason_names[128][48]  # what 48.RC says; ends at a zero byte
    HostPrefix hosts[256]
    int32_t host_count
    char row_event[320]         # of the row that is decided: see `_remote`
    Buffer unheard              # events on rows that nobody in Python has taken yet
    Counters counters

cdef int shard_open(Shard *shard, uint32_t exchange_entries, uint64_t detail_bytes,
                    int32_t batch_rows_max, size_t batch_bytes_max) noexcept nogil
cdef void shard_clear(Shard *shard) noexcept nogil
cdef int settle(Shard *shard, Row *row) noexcept nogil
cdef int replay(Shard *shard, Row *row) noexcept nogil
cdef int remember_row(Shard *shard, const Row *row, int state, int64_t undone_minor) noexcept nogil
cdef int journal_row(Shard *shard, Row *row) noexcept nogil
cdef bint is_approved(const Row *row) noexcept nogil
cdef bint counts_for_limits(uint8_t operation) noexcept nogil
cdef void count_for_limits(Shard *shard, const Row *row) noexcept nogil
cdef void return_to_limits(Shard *shard, const Row *row) noexcept nogil
cdef int64_t seconds_of(int32_t at, uint32_t near_s, int32_t utc_offset_s) noexcept nogil
cdef bint has_expired(const Card *card, const Moment *now) noexcept nogil
cdef int16_t day_count_returned(const Shard *shard, const Exchange *original,
                                int64_t undone) noexcept nogil
cdef int64_t undone_share(int64_t amount, int64_t undone, int64_t approved) noexcept nogil
cdef void assigned_rrn(int16_t number, int64_t seq, char *out) noexcept nogil
cdef int32_t owner_of(const Shard *shard, const Request *request) noexcept nogil
cdef bint is_held(const Shard *shard, const Account *account) noexcept nogil
cdef bint ends_with_hold(const Shard *shard, const Account *account) noexcept nogil
cdef int due_push(Shard *shard, uint32_t expires_s, int64_t seq) noexcept nogil
cdef int due_pop(Shard *shard, uint32_t now_s, int64_t *seq) noexcept nogil
