"""Message number i as a function of the seed and i. Knows no socket and no clock.

Owns the tables that a workload and a target were compiled into (`loadtest.tables`), the draw of an
arrival's scenario, card, amounts and terminal, and the patching of templates. All steps of an
arrival carry the arrival's second, so that seed and starting time fix every byte.
"""

cimport cython
from libc.stddef cimport size_t
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from hsm_sim._keys cimport Key
from hsm_sim._macs cimport retail_into
from loadtest._dice cimport alias_build, alias_draw, alias_free, alias_zipf, dice_mix
from loadtest._spelling cimport (
    CHECKED_DAMM, damm_digit, luhn_digit, spell, write_moment, write_number)

cdef uint64_t SALT_TERMINAL = 0x7465726D
cdef uint64_t SALT_CARD = 0x63617264
cdef uint64_t SALT_AMOUNT = 0x616D6F75
cdef uint64_t SALT_POINTS = 0x706F696E
cdef uint64_t SALT_PART = 0x70617274
cdef uint64_t SALT_PIN = 0x70696E00

cdef enum:
    TURN_ROOM = 64

cdef const char *HEX = b"0123456789ABCDEF"


cdef inline uint64_t dice(uint64_t random, uint64_t salt) noexcept nogil:
    return dice_mix(random ^ salt * 0x9E3779B97F4A7C15ULL)


cdef inline int64_t below(uint64_t random, int64_t count) noexcept nogil:
    """A number from 0 to `count` - 1; the bias of the remainder is far below 1 in 10 ** 6."""
    return <int64_t> (random % <uint64_t> count) if count > 1 else 0


cdef int draw_scenario(const Tables *tables, int64_t arrival) noexcept nogil:
    if arrival < tables.forced_count and tables.forced[arrival] >= 0:
        return tables.forced[arrival]
    return alias_draw(&tables.popularity, dice_mix(dice_mix(tables.seed) + <uint64_t> arrival))


cdef int64_t turn_of(Tables *tables, int32_t vouchers, int64_t arrival) noexcept nogil:
    """How many arrivals before this one have taken a voucher of a group.

    So no voucher is taken twice before all were, and still an arrival alone says which it takes.
    """
    cdef CardGroup *group = &tables.groups[vouchers]
    cdef int64_t block = arrival // TURN_ARRIVALS
    cdef int64_t turn
    while group.turn_count <= block and remember_turns(tables, vouchers):
        pass
    if block >= group.turn_count:
        block = group.turn_count - 1    # out of memory: the way is longer
    turn = group.turns[block]
    return turn + turns_between(tables, vouchers, block * TURN_ARRIVALS, arrival)


cdef int64_t turns_between(
    const Tables *tables, int32_t vouchers, int64_t first, int64_t end
) noexcept nogil:
    cdef int64_t turns = 0
    cdef int64_t arrival
    for arrival in range(first, end):
        turns += tables.scenarios[draw_scenario(tables, arrival)].vouchers == vouchers
    return turns


cdef bint remember_turns(Tables *tables, int32_t vouchers) noexcept nogil:
    """Go on by TURN_ARRIVALS; False when there is no memory for it."""
    cdef CardGroup *group = &tables.groups[vouchers]
    cdef int64_t known = group.turn_count - 1
    cdef void *grown
    if group.turn_count == group.turn_room:
        grown = realloc(group.turns, 2 * group.turn_room * sizeof(int64_t))
        if grown == NULL:
            return False
        group.turns = <int64_t *> grown
        group.turn_room *= 2
    group.turns[known + 1] = group.turns[known] + turns_between(
        tables, vouchers, known * TURN_ARRIVALS, (known + 1) * TURN_ARRIVALS)
    group.turn_count += 1
    return True


cdef void draw(Tables *tables, int64_t arrival, int step, Draft *out) noexcept nogil:
    """Draw everything of a message but its time."""
    cdef uint64_t random = dice_mix(dice_mix(tables.seed) + <uint64_t> arrival)
    cdef int32_t connection = <int32_t> (arrival % tables.connections)
    cdef const Scenario *scenario
    cdef const Step *row
    cdef int32_t place
    out.arrival = arrival
    out.step = step
    out.scenario = draw_scenario(tables, arrival)
    scenario = &tables.scenarios[out.scenario]
    row = &scenario.steps[step]
    out.template = row.template
    out.group = scenario.group
    out.card = alias_draw(&tables.groups[out.group].popularity, dice(random, SALT_CARD))
    out.vouchers = scenario.vouchers
    out.voucher = 0
    if out.vouchers != NO_GROUP:
        out.voucher = <uint32_t> (turn_of(tables, out.vouchers, arrival)
                                  % tables.groups[out.vouchers].popularity.count)
        if row.of_voucher:
            out.group = out.vouchers
            out.card = out.voucher
    if tables.connections >= tables.terminal_count:
        out.terminal = connection % tables.terminal_count
    else:
        place = <int32_t> alias_draw(&tables.links[connection], dice(random, SALT_TERMINAL))
        out.terminal = connection + place * tables.connections
    out.stan = stan_of(tables, arrival, step)
    out.amount = scenario.amount_min + scenario.amount_unit * below(
        dice(random, SALT_AMOUNT), scenario.amount_span)
    out.points = scenario.points_min + below(dice(random, SALT_POINTS), scenario.points_span)
    out.random = dice(random, SALT_PIN + step)
    out.original = -1
    out.original_number = -1
    out.original_amount = out.amount
    out.original_stan = 0
    if step > 0:
        out.original = scenario.steps[row.original].template
        out.original_number = arrival * STEPS_MAX + row.original
        out.original_amount = amount_of(scenario, out.amount, random, row.original)
        out.original_stan = stan_of(tables, arrival, row.original)
        out.amount = amount_of(scenario, out.amount, random, step)


cdef inline int32_t stan_of(const Tables *tables, int64_t arrival, int step) noexcept nogil:
    """From the connection's own sequence; connections with one terminal take turns."""
    cdef int64_t own = arrival // tables.connections * STEPS_MAX + step
    cdef int64_t rank = arrival % tables.connections // tables.terminal_count
    return <int32_t> ((tables.stan_first + own * tables.rank_count + rank) % STAN_MAX + 1)


cdef int64_t amount_of(
    const Scenario *scenario, int64_t whole, uint64_t random, int step
) noexcept nogil:
    """The amount of a step: a follow-up's is a part of its original's."""
    cdef const Step *row = &scenario.steps[step]
    cdef int64_t percent
    if step == 0:
        return whole
    whole = amount_of(scenario, whole, random, row.original)
    if row.part_min == 100:
        return whole
    percent = row.part_min + below(
        dice(random, SALT_PART + step), row.part_max - row.part_min + 1)
    whole = whole * percent // 100
    return whole if whole > 0 else 1


cdef void render(Tables *tables, const Draft *draft, int64_t second, uint8_t *out) noexcept nogil:
    """Write the body of a message; `out` has room for `body_bytes_max`."""
    cdef const Template *template = &tables.templates[draft.template]
    cdef const Moment *moment = moment_of(tables, second)
    cdef const Patch *patch
    cdef const Piece *piece
    cdef char text[TEXT_MAX]
    cdef int32_t i, k
    memcpy(out, template.body, template.body_bytes)
    for i in range(template.patches_from, template.patches_to):
        patch = &tables.patches[i]
        if patch.pieces_to - patch.pieces_from > 1 or (
                tables.pieces[patch.pieces_from].count != patch.count):
            memcpy(text, patch.text, patch.count)
        for k in range(patch.pieces_from, patch.pieces_to):
            piece = &tables.pieces[k]
            write_piece(tables, draft, moment, piece, text + piece.at)
        spell(patch.spelling, text, patch.count, out + patch.begin)


cdef void put_mac(const Tables *tables, const Template *template, uint8_t *body) noexcept nogil:
    """Write a whole message's MAC: ISO 9797-1 algorithm 3, filled up with zeros."""
    cdef uint8_t *out = body + template.mac_offset
    cdef uint8_t chain[8]
    cdef uint8_t made[8]
    cdef int i
    if template.mac_bytes == 0:
        return
    memset(chain, 0, 8)
    memset(out, 0, template.mac_bytes)      # room enough for the zeros that fill the last block
    with gil:                               # nobody else wants it for long
        retail_into(<Key> tables.mac_key, chain, body, (template.mac_offset + 7) // 8 * 8, made)
    if template.mac_bytes == 8:
        memcpy(out, made, 8)
        return
    for i in range(8):
        out[2 * i] = HEX[made[i] >> 4]
        out[2 * i + 1] = HEX[made[i] & 15]


cdef void write_piece(
    const Tables *tables, const Draft *draft, const Moment *moment, const Piece *piece, char *out
) noexcept nogil:
    cdef int source = piece.source
    if source == SOURCE_PAN:
        write_pan(&tables.groups[draft.group], draft.card, out)
    elif source == SOURCE_EXPIRY:
        memcpy(out, tables.groups[draft.group].expiry, 4)
    elif source == SOURCE_STAN:
        write_number(draft.stan, 6, out)
    elif source == SOURCE_RRN:
        write_rrn(tables, draft.arrival * STEPS_MAX + draft.step, out)
    elif source == SOURCE_AMOUNT:
        write_number(draft.amount, 12, out)
    elif source == SOURCE_UTC:
        memcpy(out, moment.utc, 10)
    elif source == SOURCE_LOCAL:
        memcpy(out, moment.local, 10)
    elif source == SOURCE_LOCAL_DATE:
        memcpy(out, moment.local, 4)
    elif source == SOURCE_LOCAL_TIME:
        memcpy(out, moment.local + 4, 6)
    elif source == SOURCE_LOCAL_YEAR:
        memcpy(out, moment.year, 2)
    elif source == SOURCE_TERMINAL:
        memcpy(out, tables.terminals + draft.terminal * TERMINAL_CHARACTERS, piece.count)
    elif source == SOURCE_MERCHANT:
        memcpy(out, tables.merchants + draft.terminal * TERMINAL_CHARACTERS, piece.count)
    elif source == SOURCE_PIN_BLOCK:
        write_pin_block(tables, draft, out)
    elif source == SOURCE_POINTS:
        write_number(draft.points, 4, out)
    elif source == SOURCE_VOUCHER_PIN:
        write_voucher_pin(tables, draft, piece.count, out)
    else:
        write_original(tables, draft, source, out)


cdef void write_original(
    const Tables *tables, const Draft *draft, int source, char *out
) noexcept nogil:
    cdef const Template *original = &tables.templates[
        draft.original if draft.original >= 0 else draft.template]
    if source == SOURCE_ORIGINAL_TYPE:
        memcpy(out, original.message_type, 4)
    elif source == SOURCE_ORIGINAL_STAN:
        write_number(draft.original_stan, 6, out)
    elif source == SOURCE_ORIGINAL_RRN:
        write_rrn(tables, draft.original_number if draft.original_number >= 0 else 0, out)
    elif source == SOURCE_ORIGINAL_AMOUNT:
        # What was asked for without an amount is undone without one.
        write_number(
            draft.original_amount if original.names_amount or draft.original < 0 else 0, 12, out)
    else:
        memcpy(out, original.code, 6)


cdef inline void write_rrn(const Tables *tables, int64_t number, char *out) noexcept nogil:
    write_number(tables.tag, 3, out)
    write_number(number % 1000000000, 9, out + 3)


cdef void write_pin_block(const Tables *tables, const Draft *draft, char *out) noexcept nogil:
    """The card's block, the one with a wrong PIN, or where there are none a random one."""
    cdef const CardGroup *group = &tables.groups[draft.group]
    cdef const char *blocks = group.right_blocks
    cdef int i
    if tables.scenarios[draft.scenario].pin == PIN_WRONG:
        blocks = group.wrong_blocks
    if blocks != NULL:
        memcpy(out, blocks + <size_t> draft.card * PIN_BLOCK_CHARACTERS, PIN_BLOCK_CHARACTERS)
        return
    for i in range(PIN_BLOCK_CHARACTERS):
        out[i] = HEX[draft.random >> i * 4 & 15]


cdef void write_voucher_pin(
    const Tables *tables, const Draft *draft, int count, char *out
) noexcept nogil:
    """The arrival's voucher's PIN as it was encrypted, or where there are none what is no PIN."""
    cdef const char *pins = NULL
    cdef int i
    if draft.vouchers != NO_GROUP:
        pins = tables.groups[draft.vouchers].voucher_pins
    if pins != NULL:
        memcpy(out, pins + <size_t> draft.voucher * count, count)
        return
    for i in range(count):
        out[i] = HEX[draft.random >> i % 16 * 4 & 15]


cdef inline void write_pan(const CardGroup *group, uint32_t card, char *out) noexcept nogil:
    """Prefix, number, check digit."""
    cdef int last = group.digits - 1
    memcpy(out, group.prefix, group.prefix_digits)
    write_number(group.first + card, last - group.prefix_digits, out + group.prefix_digits)
    out[last] = damm_digit(out, last) if group.check == CHECKED_DAMM else luhn_digit(out, last)


cdef const Moment *moment_of(Tables *tables, int64_t second) noexcept nogil:
    cdef Moment *moment = &tables.moments[second & (MOMENTS - 1)]
    if moment.second != second:
        moment.second = second
        write_moment(second, moment.utc, NULL)
        write_moment(second + tables.local_offset_s, moment.local, moment.year)
    return moment


@cython.final
cdef class Script:
    """The tables of one run. Made from `loadtest.tables.Tables`."""

    def __cinit__(self, rows):
        memset(&self.tables, 0, sizeof(Tables))
        self.tables.seed = rows.seed
        self.tables.tag = rows.tag
        self.tables.stan_first = rows.stan_first
        self.tables.local_offset_s = rows.local_offset_s
        self.tables.connections = rows.connections
        self.mac_key = rows.mac_key
        self.tables.mac_key = <void *> self.mac_key
        memset(self.tables.moments, 0xFF, sizeof(self.tables.moments))
        self.allocate(rows)
        self.fill_templates(rows)
        self.fill_scenarios(rows)
        self.fill_population(rows)

    def __dealloc__(self):
        cdef Tables *tables = &self.tables
        cdef int32_t i
        for i in range(tables.template_count):
            free(tables.templates[i].body)
        for i in range(tables.group_count):
            alias_free(&tables.groups[i].popularity)
            free(tables.groups[i].right_blocks)
            free(tables.groups[i].wrong_blocks)
            free(tables.groups[i].voucher_pins)
            free(tables.groups[i].turns)
        if tables.links != NULL:
            for i in range(tables.connections):
                alias_free(&tables.links[i])
        alias_free(&tables.popularity)
        free(tables.links)
        free(tables.templates)
        free(tables.patches)
        free(tables.pieces)
        free(tables.scenarios)
        free(tables.groups)
        free(tables.terminals)
        free(tables.merchants)
        free(tables.forced)

    def render(self, int64_t arrival, int step, int64_t second):
        """Give the body of a message as it is sent at a Unix second."""
        cdef Draft draft
        if not 0 <= step < self.tables.scenarios[
                draw_scenario(&self.tables, arrival)].step_count:
            raise IndexError(f"arrival {arrival} has no step {step}")
        draw(&self.tables, arrival, step, &draft)
        cdef bytearray out = bytearray(self.tables.body_bytes_max)
        cdef uint8_t *room = out
        render(&self.tables, &draft, second, room)
        put_mac(&self.tables, &self.tables.templates[draft.template], room)
        return bytes(out[:self.tables.templates[draft.template].body_bytes])

    def draft(self, int64_t arrival, int step):
        """Give what was drawn for a message, as a dictionary."""
        cdef Draft draft
        draw(&self.tables, arrival, step, &draft)
        return {
            "number": arrival * STEPS_MAX + step, "scenario": draft.scenario,
            "kind": self.tables.templates[draft.template].kind,
            "card": self.tables.groups[draft.group].base + draft.card,
            "terminal": draft.terminal, "stan": draft.stan, "amount_minor": draft.amount,
            "original": draft.original_number, "points": draft.points,
            "voucher": draft.voucher if draft.vouchers != NO_GROUP else NO_GROUP}

    cdef int allocate(self, object rows) except -1:
        cdef Tables *tables = &self.tables
        cdef int patches = sum(len(row.patches) for row in rows.templates)
        cdef int pieces = sum(len(p.pieces) for row in rows.templates for p in row.patches)
        cdef int count = len(rows.terminals)
        tables.templates = <Template *> calloc(len(rows.templates), sizeof(Template))
        tables.patches = <Patch *> calloc(patches + 1, sizeof(Patch))
        tables.pieces = <Piece *> calloc(pieces + 1, sizeof(Piece))
        tables.scenarios = <Scenario *> calloc(len(rows.scenarios), sizeof(Scenario))
        tables.groups = <CardGroup *> calloc(len(rows.groups), sizeof(CardGroup))
        tables.terminals = <char *> calloc(count, TERMINAL_CHARACTERS)
        tables.merchants = <char *> calloc(count, TERMINAL_CHARACTERS)
        if (tables.templates == NULL or tables.patches == NULL or tables.pieces == NULL
                or tables.scenarios == NULL or tables.groups == NULL
                or tables.terminals == NULL or tables.merchants == NULL):
            raise MemoryError
        return 0

    cdef int fill_templates(self, object rows) except -1:
        cdef Tables *tables = &self.tables
        cdef Template *template
        cdef Patch *patch
        cdef Piece *piece
        cdef int patch_count = 0
        cdef int piece_count = 0
        cdef int i
        for row in rows.templates:
            template = &tables.templates[tables.template_count]
            template.body = <uint8_t *> calloc(1, len(row.body))
            if template.body == NULL:
                raise MemoryError
            tables.template_count += 1
            memcpy(template.body, <const uint8_t *> (<bytes> row.body), len(row.body))
            template.body_bytes = len(row.body)
            tables.body_bytes_max = max(tables.body_bytes_max, template.body_bytes)
            template.kind = row.kind
            template.type_offset = row.type_offset
            template.type_bytes = len(row.reply_type)
            copy_text(<char *> template.repeat_type, row.repeat_type, TYPE_BYTES_MAX)
            copy_text(<char *> template.reply_type, row.reply_type, TYPE_BYTES_MAX)
            copy_text(template.message_type, row.message_type.encode(), 4)
            copy_text(template.code, row.processing_code.encode(), 6)
            template.has_amount = row.has_amount
            template.digits_offset = row.digits_offset
            template.amount_echo = row.amount_echo
            if row.mac is not None:
                template.mac_offset, template.mac_bytes = row.mac.offset, row.mac.bytes
            for i, place in enumerate(row.keys):
                template.keys[i] = Place(place.element, place.offset, place.bytes)
            template.key_count = len(row.keys)
            for i, place in enumerate(row.echoes):
                template.echoes[i] = Place(place.element, place.offset, place.bytes)
            template.echo_count = len(row.echoes)
            template.patches_from = patch_count
            for one in row.patches:
                patch = &tables.patches[patch_count]
                patch_count += 1
                patch.begin, patch.end = one.begin, one.end
                patch.spelling = one.spelling
                patch.count = len(one.text)
                copy_text(patch.text, one.text.encode(), TEXT_MAX)
                patch.pieces_from = piece_count
                for part in one.pieces:
                    piece = &tables.pieces[piece_count]
                    piece_count += 1
                    piece.source, piece.at, piece.count = part.source, part.at, part.count
                    template.names_amount |= piece.source == SOURCE_AMOUNT
                patch.pieces_to = piece_count
            template.patches_to = patch_count
        return 0

    cdef int fill_scenarios(self, object rows) except -1:
        cdef Tables *tables = &self.tables
        cdef Scenario *scenario
        cdef Step *step
        cdef double weights[SCENARIOS_MAX]
        cdef int i, k
        for row in rows.scenarios:
            scenario = &tables.scenarios[tables.scenario_count]
            weights[tables.scenario_count] = row.weight
            tables.scenario_count += 1
            scenario.group = row.group
            scenario.vouchers = row.vouchers
            scenario.garbage = row.garbage
            scenario.pin = row.pin
            scenario.amount_min = row.amount_min_minor
            scenario.amount_unit = row.amount_unit_minor
            scenario.amount_span = (
                (row.amount_max_minor - row.amount_min_minor) // row.amount_unit_minor + 1)
            scenario.points_min = row.points_min
            scenario.points_span = row.points_max - row.points_min + 1
            scenario.step_count = len(row.steps)
            for i, part in enumerate(row.steps):
                step = &scenario.steps[i]
                step.template = part.template
                step.is_repeat = part.is_repeat
                step.after = part.after
                step.only_approved = part.only_approved
                step.of_voucher = part.of_voucher
                step.original = part.original
                step.part_min, step.part_max = part.part_min, part.part_max
                step.code_count = len(part.codes)
                for k, code in enumerate(part.codes):
                    copy_text(step.codes[k], code.encode(), 4)
        alias_build(&tables.popularity, weights, tables.scenario_count)
        tables.forced = <int16_t *> calloc(len(rows.forced) + 1, sizeof(int16_t))
        if tables.forced == NULL:
            raise MemoryError
        for forced in rows.forced:
            tables.forced[tables.forced_count] = forced
            tables.forced_count += 1
        return 0

    cdef int fill_population(self, object rows) except -1:
        cdef Tables *tables = &self.tables
        cdef CardGroup *group
        cdef uint32_t base = 0
        cdef int i
        for row in rows.groups:
            group = &tables.groups[tables.group_count]
            tables.group_count += 1
            copy_text(group.prefix, row.prefix.encode(), 20)
            group.prefix_digits = len(row.prefix)
            group.digits = row.digits
            group.check = row.check
            copy_text(group.expiry, row.expiry.encode(), 4)
            group.first = row.first
            group.base = base
            base += row.count
            group.right_blocks = copied(row.right_blocks)
            group.wrong_blocks = copied(row.wrong_blocks)
            group.voucher_pins = copied(row.voucher_pins)
            group.turns = <int64_t *> calloc(TURN_ROOM, sizeof(int64_t))
            if group.turns == NULL:
                raise MemoryError
            group.turn_count, group.turn_room = 1, TURN_ROOM    # before the first: none
            alias_zipf(&group.popularity, row.count, rows.card_exponent)
        for terminal_id, merchant_id in rows.terminals:
            i = tables.terminal_count * TERMINAL_CHARACTERS
            copy_text(tables.terminals + i, terminal_id.encode(), TERMINAL_CHARACTERS)
            copy_text(tables.merchants + i, merchant_id.encode(), TERMINAL_CHARACTERS)
            tables.terminal_count += 1
        tables.rank_count = (
            tables.connections + tables.terminal_count - 1) // tables.terminal_count
        if tables.connections < tables.terminal_count:
            fill_links(tables, rows.terminal_weights)
        return 0


cdef int fill_links(Tables *tables, list terminal_weights) except -1:
    """Terminal t is at connection t mod N; its popularity there is its merchant's."""
    cdef int32_t own = (tables.terminal_count + tables.connections - 1) // tables.connections
    cdef double *weights = <double *> calloc(own, sizeof(double))
    cdef int32_t link, terminal, count
    tables.links = <Alias *> calloc(tables.connections, sizeof(Alias))
    if weights == NULL or tables.links == NULL:
        free(weights)
        raise MemoryError
    try:
        for link in range(tables.connections):
            count = 0
            for terminal in range(link, tables.terminal_count, tables.connections):
                weights[count] = terminal_weights[terminal] if terminal_weights else 1.0
                count += 1
            tables.links[link].count = count
            if terminal_weights:
                alias_build(&tables.links[link], weights, count)
    finally:
        free(weights)
    return 0


cdef char *copied(bytes text) except? NULL:
    """Copy what lives as long as the tables; NULL for nothing."""
    cdef char *copy
    if not text:
        return NULL
    copy = <char *> malloc(len(text))
    if copy == NULL:
        raise MemoryError
    memcpy(copy, <const char *> text, len(text))
    return copy


cdef int copy_text(char *out, bytes text, Py_ssize_t room) except -1:
    if len(text) > room:
        raise ValueError(f"{len(text)} characters where {room} have room")
    memcpy(out, <const char *> text, len(text))
    return 0
