"""Snapshots of a shard: its state as rows of named parts, and loading them. See `_image.pxd`.

Owns the names of the parts and what is refused when they are loaded. Must not know where they are
stored (`switch.recovery` does that), nor what stands beside them: plans and names are the
directory's.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport malloc
from libc.string cimport memcpy, memset

cimport cython

from switch._exchanges cimport Exchange, exchange_add
from switch._image cimport AT_LOTS, EXCHANGE_BYTES, place_of
from switch._memory cimport on_large_pages
from switch._packing cimport PIECE_BYTES
from switch._register cimport (
    HANDED_OVER, Acquirer, Card, Club, Merchant, Terminal, Voucher, register_index_all,
)
from switch._shard cimport Shard, due_push
from switch._words cimport STATE_HELD
from switch.ledger._book cimport LOTS_NOT_KEPT, Account, Lot

from switch._image import PARTS, Image
from switch._packing import PackingBroken, pack, unpack

LAYOUT_VERSION = 3

cdef uint64_t NO_DETAIL = 0xffffffffffffffffULL     # of an exchange: the journal has it

PLACES = {name: at for at, name in enumerate(PARTS[:AT_LOTS + 1])}


class SnapshotBroken(ValueError):
    """These bytes are no state of a shard; the text names the part. The core is of no use now."""


def layout(Core core):
    """Name what `dump` writes. See `_snapshot.pyi`."""
    return (f"{LAYOUT_VERSION};head={sizeof(Head)};club={sizeof(Club)}"
            f";acquirer={sizeof(Acquirer)};merchant={sizeof(Merchant)}"
            f";terminal={sizeof(Terminal)};card={sizeof(Card)};voucher={sizeof(Voucher)}"
            f";account={sizeof(Account)}"
            f";lot={sizeof(Lot)};exchange={EXCHANGE_BYTES}"
            f";exchanges={core.shard.exchanges.capacity}")


def dump(Core core):
    """Give the state as rows of named parts. See `_snapshot.pyi`."""
    image = Image(core)
    image.write()
    return image.rows()


def as_they_are(bytes data):
    """Give bytes that are no records as packed rows."""
    yield pack(data[:PIECE_BYTES], 0, 0)
    for at in range(PIECE_BYTES, len(data), PIECE_BYTES):
        yield pack(data[at:at + PIECE_BYTES], 0, 0)


cdef size_t power_of_two(int64_t count) noexcept:
    """Rows for which an array of the register has room when it holds `count`."""
    cdef size_t room = 1
    while room < <size_t> count:
        room *= 2
    return room


@cython.final
cdef class Loading:
    """Takes a dump into an empty core."""

    def __cinit__(self, Core core):
        """`core` holds nothing yet; whatever happens, it is not used before `finish` is done."""
        assert core.shard.last_seq == 0 and core.shard.book.account_count == 0
        self.core = core
        self.rest = bytearray()
        self.exchanges_left = 0
        self.begun = False
        memset(self.places, 0, sizeof(self.places))

    def take(self, str part, bytes piece):
        """Take the next row of a part. See `_snapshot.pyi`."""
        cdef Place *place
        cdef size_t count
        try:
            piece = unpack(piece)
        except PackingBroken as error:
            raise SnapshotBroken(f"{part}: {error}") from error
        count = <size_t> len(piece)
        if part == "head" and not self.begun:
            self.rest += piece
            if len(self.rest) == sizeof(Head):
                self.make_room()
            return
        if not self.begun:
            raise SnapshotBroken(f"{part}: comes before the head")
        if part == "exchanges":
            self.rest += piece
            self.take_exchanges()
            return
        if part not in PLACES:
            raise SnapshotBroken(f"{part}: is no part of a state")
        place = &self.places[<int> PLACES[part]]
        if place.bytes - place.filled < count:
            raise SnapshotBroken(f"{part}: longer than the head says")
        memcpy(place.data + place.filled, PyBytes_AS_STRING(piece), count)
        place.filled += count

    cdef int make_room(self) except -1:
        """Read the head and take the memory, in sizes from which the arrays go on growing."""
        cdef Shard *shard = &self.core.shard
        cdef int at
        memcpy(&self.head, <const char *> self.rest, sizeof(Head))
        self.rest.clear()
        self.begun = True
        if self.head.shard != shard.number:
            raise SnapshotBroken(f"head: of shard {self.head.shard}")
        for count in (self.head.clubs, self.head.acquirers, self.head.merchants,
                      self.head.terminals, self.head.lots, self.head.lots_open):
            if not 0 <= count < 1 << 31:
                raise SnapshotBroken("head: a count that cannot be")
        for count in (self.head.cards, self.head.vouchers, self.head.accounts):
            if not 0 <= count < 1 << 32:
                raise SnapshotBroken("head: a count that cannot be")
        if not -1 <= self.head.lot_free < self.head.lots:
            raise SnapshotBroken("head: the free lots lead nowhere")
        if not 0 <= self.head.exchanges <= shard.exchanges.capacity:
            raise SnapshotBroken("head: more exchanges than there is room for")
        shard.register.clubs = <Club *> allocate(self.head.clubs, sizeof(Club))
        shard.register.acquirers = <Acquirer *> allocate(self.head.acquirers, sizeof(Acquirer))
        shard.register.merchants = <Merchant *> allocate(self.head.merchants, sizeof(Merchant))
        shard.register.terminals = <Terminal *> allocate(self.head.terminals, sizeof(Terminal))
        shard.register.cards = <Card *> allocate(self.head.cards, sizeof(Card))
        shard.register.vouchers = <Voucher *> allocate(self.head.vouchers, sizeof(Voucher))
        shard.book.accounts = <Account *> allocate(self.head.accounts, sizeof(Account))
        shard.book.lots = <Lot *> allocate(self.head.lots, sizeof(Lot))
        shard.register.club_count = <int32_t> self.head.clubs
        shard.register.acquirer_count = <int32_t> self.head.acquirers
        shard.register.merchant_count = <int32_t> self.head.merchants
        shard.register.terminal_count = <int32_t> self.head.terminals
        shard.register.card_count = self.head.cards
        shard.register.voucher_count = self.head.vouchers
        shard.book.account_count = self.head.accounts
        shard.book.account_capacity = <int64_t> power_of_two(self.head.accounts)
        shard.book.lot_count = <int32_t> self.head.lots
        shard.book.lot_capacity = <int32_t> power_of_two(self.head.lots)
        shard.book.lot_free = <int32_t> self.head.lot_free
        shard.book.lots_open = <int32_t> self.head.lots_open
        for at in range(AT_LOTS + 1):
            self.places[at] = place_of(shard, at)
        self.exchanges_left = self.head.exchanges
        return 0

    cdef int take_exchanges(self) except -1:
        """Add the whole exchanges among the bytes that wait."""
        cdef Shard *shard = &self.core.shard
        cdef const char *data = <const char *> self.rest
        cdef Py_ssize_t count = <Py_ssize_t> (<size_t> len(self.rest) // EXCHANGE_BYTES)
        cdef Py_ssize_t i
        cdef Exchange entry
        memset(&entry, 0, sizeof(Exchange))
        if count > self.exchanges_left:
            raise SnapshotBroken("exchanges: longer than the head says")
        for i in range(count):
            memcpy(&entry, data + <size_t> i * EXCHANGE_BYTES, EXCHANGE_BYTES)
            entry.detail_at = NO_DETAIL
            entry.reply_bytes = entry.move_count = 0
            if entry.seq == 0:
                raise SnapshotBroken("exchanges: one without a sequence")
            if exchange_add(&shard.exchanges, &entry) == NULL:
                raise SnapshotBroken("exchanges: nothing but open holds")
            if entry.state == STATE_HELD and due_push(
                    shard, entry.hold_expires_s, entry.seq) != 0:
                raise MemoryError
        self.exchanges_left -= count
        del self.rest[:<size_t> count * EXCHANGE_BYTES]
        return 0

    def finish(self):
        """Check that everything is there and build the indexes. See `_snapshot.pyi`."""
        cdef Shard *shard = &self.core.shard
        cdef int fault
        if not self.begun:
            raise SnapshotBroken("head: is missing")
        for part, at in PLACES.items():
            if self.places[<int> at].filled != self.places[<int> at].bytes:
                raise SnapshotBroken(f"{part}: shorter than the head says")
        if self.exchanges_left != 0 or self.rest:
            raise SnapshotBroken("exchanges: shorter than the head says")
        check_links(shard)
        with nogil:             # a million cards take a while, and health is asked for meanwhile
            fault = register_index_all(&shard.register)
        if fault != 0:
            raise MemoryError
        shard.last_seq = shard.cut_seq = shard.durable_seq = self.head.last_seq
        shard.epoch = <int32_t> self.head.epoch
        shard.exchanges.forgotten_s = <uint32_t> self.head.forgotten_s
        memcpy(shard.chain, self.head.chain, 32)


cdef void *allocate(int64_t count, size_t row_bytes) except NULL:
    """Take memory for some rows, uninitialised: every row of the count is loaded."""
    cdef void *rows = malloc(power_of_two(count) * row_bytes)
    if rows == NULL:
        raise MemoryError
    on_large_pages(rows, power_of_two(count) * row_bytes)
    return rows


cdef int check_links(const Shard *shard) except -1:
    """Refuse a state whose rows lead outside its arrays: nobody checks that again later."""
    cdef int64_t i
    cdef int64_t accounts = shard.book.account_count
    cdef const Card *card
    cdef const Voucher *voucher
    cdef const Lot *lot
    for i in range(shard.register.club_count):
        if not 0 <= shard.register.clubs[i].accounts < accounts:
            raise SnapshotBroken(f"clubs: row {i} leads nowhere")
    for i in range(shard.register.merchant_count):
        if not (0 <= shard.register.merchants[i].account < accounts
                and 0 <= shard.register.merchants[i].club_row < shard.register.club_count):
            raise SnapshotBroken(f"merchants: row {i} leads nowhere")
    for i in range(shard.register.terminal_count):
        if not 0 <= shard.register.terminals[i].merchant_row < shard.register.merchant_count:
            raise SnapshotBroken(f"terminals: row {i} leads nowhere")
    for i in range(shard.register.card_count):
        card = &shard.register.cards[i]
        # How many accounts a card has says its programme, which comes later: there may be none.
        if not (0 <= card.accounts <= accounts and card.programme_row >= 0
                and -1 <= card.linked < shard.register.card_count
                and -1 <= card.voucher < shard.register.voucher_count):
            raise SnapshotBroken(f"cards: row {i} leads nowhere")
    for i in range(shard.register.voucher_count):
        voucher = &shard.register.vouchers[i]
        if not (voucher.card < shard.register.card_count
                and (voucher.redeemed_by >= HANDED_OVER
                     or voucher.redeemed_by < shard.register.card_count)):
            raise SnapshotBroken(f"vouchers: row {i} leads nowhere")
    for i in range(accounts):
        if not LOTS_NOT_KEPT <= shard.book.accounts[i].lots < shard.book.lot_count:
            raise SnapshotBroken(f"accounts: row {i} leads nowhere")
    for i in range(shard.book.lot_count):
        lot = &shard.book.lots[i]
        if not -1 <= lot.next < shard.book.lot_count:
            raise SnapshotBroken(f"lots: row {i} leads nowhere")
    return 0
