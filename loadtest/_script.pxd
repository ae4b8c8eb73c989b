"""The script of a run as C tables, and message number i as a function of the seed and i."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hsm_sim._keys cimport Key
from loadtest._dice cimport Alias

cdef enum:
    STEPS_MAX = 4           # of a scenario: message number = 4 * arrival + step
    CODES_MAX = 16          # response codes that a step may expect
    TEXT_MAX = 128          # characters of a patched element
    SCENARIOS_MAX = 64
    GROUPS_MAX = 16
    PLACES_MAX = 24         # echoed elements of one kind
    TYPE_BYTES_MAX = 4
    STAN_MAX = 999999
    TERMINAL_CHARACTERS = 16
    PIN_BLOCK_CHARACTERS = 16
    MOMENTS = 64            # seconds whose spelling is remembered; a power of two
    TURN_ARRIVALS = 256     # between two places where a group's turns are remembered
    NO_GROUP = -1

# What a piece of an element's text is.
cdef enum:
    SOURCE_PAN = 0
    SOURCE_EXPIRY = 1
    SOURCE_STAN = 2
    SOURCE_RRN = 3
    SOURCE_AMOUNT = 4
    SOURCE_UTC = 5              # MMDDhhmmss
    SOURCE_LOCAL = 6            # MMDDhhmmss
    SOURCE_LOCAL_DATE = 7       # MMDD
    SOURCE_LOCAL_TIME = 8       # hhmmss
    SOURCE_LOCAL_YEAR = 9       # YY
    SOURCE_TERMINAL = 10
    SOURCE_MERCHANT = 11
    SOURCE_PIN_BLOCK = 12
    SOURCE_POINTS = 13
    SOURCE_ORIGINAL_TYPE = 14
    SOURCE_ORIGINAL_STAN = 15
    SOURCE_ORIGINAL_RRN = 16
    SOURCE_ORIGINAL_AMOUNT = 17
    SOURCE_ORIGINAL_CODE = 18   # processing code, DE 3
    SOURCE_VOUCHER_PIN = 19

cdef enum:
    AFTER_REPLY = 0
    AFTER_TIMEOUT = 1
    AFTER_AT_ONCE = 2

cdef enum:
    PIN_NONE = 0
    PIN_RIGHT = 1
    PIN_WRONG = 2

cdef enum:
    GARBAGE_NONE = 0
    GARBAGE_BODY = 1
    GARBAGE_FRAME = 2

cdef struct Piece:
    uint8_t source
    uint8_t at              # in the element's text
    uint8_t count

cdef struct Patch:          # one element that varies
    int32_t begin           # in the body
    int32_t end
    uint8_t spelling
    uint8_t count           # characters of the text
    int32_t pieces_from
    int32_t pieces_to
    char text[128]          # constant characters; pieces are written over it

cdef struct Place:          # an element of the request's body
    int32_t element
    int32_t offset
    int32_t bytes

cdef struct Template:
    uint8_t *body
    int32_t body_bytes
    int32_t kind
    int32_t patches_from
    int32_t patches_to
    int32_t type_offset
    int32_t type_bytes
    uint8_t repeat_type[4]
    uint8_t reply_type[4]
    char message_type[4]    # ASCII
    char code[6]            # processing code, ASCII
    uint8_t has_amount
    uint8_t names_amount    # in whichever element
    int32_t key_count
    Place keys[4]
    int32_t echo_count
    Place echoes[24]
    int32_t digits_offset   # of an element that is digits: what garbage breaks
    int32_t amount_echo     # which of the echoes is the amount; -1 none
    int32_t mac_offset      # of the MAC over all before it
    int32_t mac_bytes       # 8, 16 as characters; 0: it has none

cdef struct Step:
    int32_t template
    uint8_t is_repeat
    uint8_t after           # After
    uint8_t only_approved
    uint8_t of_voucher      # about the voucher's own card
    uint8_t original        # step that it names
    uint8_t part_min        # percent of the original's amount
    uint8_t part_max
    int32_t code_count      # 0: any code is right
    char codes[16][4]

cdef struct Scenario:
    int32_t group
    int32_t vouchers        # group that each arrival takes the next one of; NO_GROUP
    int32_t step_count
    uint8_t garbage         # Garbage
    uint8_t pin             # Pin
    int64_t amount_min
    int64_t amount_span     # in units
    int64_t amount_unit
    int64_t points_min
    int64_t points_span
    Step steps[4]

cdef struct CardGroup:
    char prefix[20]
    int32_t prefix_digits
    int32_t digits          # of the PAN, check digit included
    uint8_t check           # how the last one is made
    char expiry[4]
    int64_t first
    uint32_t base           # index in the population of the group's first card
    Alias popularity
    char *right_blocks      # PIN_BLOCK_CHARACTERS a card; NULL: none
    char *wrong_blocks
    char *voucher_pins      # encrypted, each as long as its placeholder; NULL: none
    int64_t *turns          # taken before every TURN_ARRIVALS-th arrival, as far as was asked
    int64_t turn_count
    int64_t turn_room

cdef struct Moment:         # one second, spelled
    int64_t second
    char utc[10]
    char local[10]
    char year[2]

cdef struct Tables:
    uint64_t seed
    int64_t tag             # three digits that begin every RRN of the run
    int64_t stan_first      # where every terminal's STANs begin
    int64_t local_offset_s
    int32_t connections
    int32_t template_count
    int32_t scenario_count
    int32_t group_count
    int32_t terminal_count
    int32_t body_bytes_max
    int32_t rank_count      # connections that share a terminal have different STANs
    Template *templates
    Patch *patches
    Piece *pieces
    Scenario *scenarios
    CardGroup *groups
    char *terminals         # 16 characters each: DE 41, padded
    char *merchants         # 16 characters each: DE 42, padded
    Alias popularity        # of scenarios
    int16_t *forced         # a replay's scenarios by arrival; NONE where chance decides
    int64_t forced_count
    Alias *links            # each connection's terminals; NULL: all alike
    Moment moments[64]
    void *mac_key           # the Script's; used where a template has one

cdef struct Draft:          # message 4 * arrival + step, before it has a time
    int64_t arrival
    int32_t step
    int32_t scenario
    int32_t template
    int32_t original        # template; -1 none
    int64_t original_number
    int64_t amount
    int64_t original_amount
    int64_t points
    uint64_t random         # for a PIN block
    uint32_t card           # index in its group
    int32_t group
    uint32_t voucher        # index in its group
    int32_t vouchers        # group; NO_GROUP
    int32_t terminal
    int32_t stan
    int32_t original_stan

cdef class Script:
    cdef Tables tables
    cdef Key mac_key
    cdef int allocate(self, object rows) except -1
    cdef int fill_templates(self, object rows) except -1
    cdef int fill_scenarios(self, object rows) except -1
    cdef int fill_population(self, object rows) except -1

cdef int draw_scenario(const Tables *tables, int64_t arrival) noexcept nogil
cdef void draw(Tables *tables, int64_t arrival, int step, Draft *out) noexcept nogil
cdef void put_mac(const Tables *tables, const Template *template, uint8_t *body) noexcept nogil
cdef void render(Tables *tables, const Draft *draft, int64_t second, uint8_t *out) noexcept nogil
