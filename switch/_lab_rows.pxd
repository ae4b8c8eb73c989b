"""One row of the past, carried out as it was and decided again by a draft: the replay lab's loop.

Two books begin equal. In one each row's moves are carried out as the journal has them; in the other
the draft's plan, the very one that a switch would run, decides what was asked. What the journal
does not keep is taken from what it has:

- a refund, reversal or completion follows its purchase by share;
- points: as many as were used, as far as the draft has them; all of it where all was paid so;
- instalments: the plan of the draft with as many of them, else the nearest;
- a terminal that took less than it asked for takes less again; another one does not;
- a hold that was declined stays declined: nobody knows what would have followed;
- what no programme decides (a blocked card, a wrong PIN) and what is unknown here stays as it was.

Must not know why a draft is replayed nor how a stream comes. No Python object for a row.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

from switch._exchanges cimport Exchange
from switch._lab_sums cimport SUM_COUNT
from switch._shard cimport Decision, Request, Shard
from switch.ledger._book cimport Book, Move
from switch.ledger._rows cimport Row

cdef enum:
    HAPPENED = 0
    DRAFTED = 1
    LAB_MONTHS_MAX = 128
    LAB_OFFSETS_MAX = 64
    LAB_RULES_MAX = 65          # 0 = none
    CARDS_A_BLOCK = 4096        # so that a worker's cards lie together in memory

cdef enum LabRow:
    LAB_DONE = 0
    LAB_EVENT = 1               # Python has to let it take effect
    LAB_CLOCK = 2               # Python has to say what the clock would do by the draft
    LAB_FAULT = 3               # the journal contradicts itself
    LAB_NO_MEMORY = 4

cdef struct World:
    int64_t *months             # SUM_COUNT for each
    int64_t *merchants          # the same, of what is sold
    int64_t *card_minor         # what its holder gained, in money and in points
    int64_t *card_points
    int64_t declined[128]       # by Reason

cdef struct RuleUse:
    int64_t count
    int64_t minor               # of a discount
    int64_t points

cdef struct Kept:               # an exchange that a later row undoes, completes or takes back
    Exchange draft              # as the draft decided it
    int64_t moves_at            # of the draft: first of them in `Replay.moves`
    int64_t approved_minor      # as it happened; 0 = declined
    int64_t undone_minor
    int64_t discount_minor[2]   # in each world
    int64_t cash_minor[2]
    int32_t merchant

cdef struct Replay:
    Shard *shard                # its book is the draft's
    Decision *decision
    Book before                 # of what happened
    Row row
    Request request
    int32_t programme
    int32_t plan_row            # -1: no card of it has existed yet
    int32_t worker
    int32_t worker_count
    World worlds[2]
    int64_t card_capacity
    int32_t merchant_capacity
    int64_t *card_sales         # what happened: who is who
    int32_t *card_purchases
    int32_t *card_day
    int32_t month_days[128]     # first days
    int32_t month_count
    int32_t month
    int64_t offset_from_s[64]
    int32_t offsets_s[64]
    int32_t offset_count
    Kept *kept
    int64_t *kept_seqs          # open addressing; 0 = free
    int64_t kept_mask           # -1 = nothing is kept
    Move *moves
    int64_t move_count
    int64_t move_capacity
    RuleUse rules[65]
    int64_t rows
    int64_t exchanges           # of the programme's cards
    int64_t purchases           # decided again: what is bought, whether or not it was approved
    int64_t differing           # rows whose moves are others
    int64_t now_declined        # were approved
    int64_t now_approved        # were declined
    int64_t last_s              # time of the last row

cdef bint is_ours(const Replay *replay, int64_t card) noexcept nogil
cdef int lab_row(Replay *replay) noexcept nogil
cdef int lab_remember(Replay *replay, int state, int64_t undone_minor) noexcept nogil
cdef int move_ours(Replay *replay, int world) noexcept nogil
cdef void credit(Replay *replay, int world, int64_t card, const int64_t *sums) noexcept nogil
cdef int32_t offset_at(const Replay *replay, int64_t unix_s) noexcept nogil
cdef void month_at(Replay *replay, int32_t local_day) noexcept nogil
