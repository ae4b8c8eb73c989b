"""Writes a shard's state as packed rows into memory that a fork may share. See `_image.pxd`.

Owns the form of the parts. Must not know where they are stored, nor what stands beside them: plans
and names are the directory's.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cimport cython

from switch._exchanges cimport Exchange, Exchanges, exchange_by_seq
from switch._packing cimport (
    PIECE_BYTES, Packer, RowHead, packed_bytes_max, packer_begin, packer_end, packer_open,
    packer_put,
)
from switch._register cimport Acquirer, Card, Club, Merchant, Register, Terminal, Voucher
from switch._words cimport STATE_HELD
from switch.ledger._book cimport Account, Book, Lot

cdef extern from "sys/mman.h" nogil:
    enum:
        MAP_ANONYMOUS
        MAP_NORESERVE
        MAP_SHARED
        PROT_READ
        PROT_WRITE
    void *mmap(void *address, size_t bytes, int protection, int flags, int fd, long offset)
    int munmap(void *address, size_t bytes)

cdef extern from *:
    """
    #define BASHGAH_MMAP_FAILED(address) ((address) == MAP_FAILED)
    """
    bint mmap_failed "BASHGAH_MMAP_FAILED"(void *address) nogil

cdef enum:
    ACCOUNTS_APART = 4          # accounts that look alike

# Of an Exchange, what stands before its links, which are the last two.
cdef size_t EXCHANGE_BYTES = <size_t> &(<Exchange *> NULL).next_of_seq
cdef uint64_t NO_DETAIL = 0xffffffffffffffffULL     # of an exchange: the journal has it

PARTS = ("clubs", "acquirers", "merchants", "terminals", "cards", "vouchers", "accounts", "lots",
         "exchanges", "head")
PLACES = {name: at for at, name in enumerate(PARTS[:AT_LOTS + 1])}


@cython.final
cdef class Image:
    """Memory for a core's state as packed rows; a fork of this process may fill it."""

    def __cinit__(self, Core core):
        """Take memory for the state as it is now; none of it is used before it is written."""
        self.core = core
        self.bytes = image_bytes_max(&core.shard)
        self.data = <uint8_t *> mmap(NULL, self.bytes, PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        if mmap_failed(self.data):
            self.data = NULL
            raise MemoryError
        self.last_seq = core.shard.last_seq

    def __dealloc__(self):
        self.close()

    def close(self):
        """Give the memory back, now and without the interpreter: it takes milliseconds."""
        cdef uint8_t *data = self.data
        self.data = NULL
        if data != NULL:
            with nogil:
                munmap(data, self.bytes)

    @property
    def used_bytes(self):
        """How many bytes were written; 0 = it is not whole."""
        assert self.data != NULL, "the image is closed"
        return (<uint64_t *> self.data)[0]

    def write(self):
        """Write the state, here and now."""
        cdef int fault
        assert self.data != NULL, "the image is closed"
        assert self.core.shard.last_seq == self.last_seq, "the core has changed since"
        with nogil:
            fault = image_write(&self.core.shard, self.data, self.bytes)
        assert fault == 0, "the book's lots are no lists, or there was too little room for them"

    def rows(self):
        """Give (part, packed row) of everything that was written, in order."""
        cdef size_t at = sizeof(uint64_t)
        cdef size_t end = <size_t> self.used_bytes
        cdef RowHead row
        whole = memoryview(<uint8_t[:<Py_ssize_t> self.bytes]> self.data)
        while at < end:
            memcpy(&row, self.data + at, sizeof(RowHead))
            at += sizeof(RowHead)
            yield PARTS[row.part], bytes(whole[at:at + row.body_bytes])
            at = (at + row.body_bytes + 7) & ~<size_t> 7


cdef size_t image_bytes_max(const Shard *shard) noexcept nogil:
    """Give the room that a state can take, however it looks, and that writing it needs."""
    cdef const Register *register = &shard.register
    return (sizeof(uint64_t)
            + packed_bytes_max(1, sizeof(Head))
            + packed_bytes_max(<size_t> register.club_count, sizeof(Club))
            + packed_bytes_max(<size_t> register.acquirer_count, sizeof(Acquirer))
            + packed_bytes_max(<size_t> register.merchant_count, sizeof(Merchant))
            + packed_bytes_max(<size_t> register.terminal_count, sizeof(Terminal))
            + packed_bytes_max(<size_t> register.card_count, sizeof(Card))
            + packed_bytes_max(<size_t> register.voucher_count, sizeof(Voucher))
            + packed_bytes_max(<size_t> shard.book.account_count, sizeof(Account))
            + packed_bytes_max(<size_t> shard.book.lots_open, sizeof(Lot))
            + packed_bytes_max(shard.exchanges.used, EXCHANGE_BYTES)
            + <size_t> shard.exchanges.held * sizeof(int64_t) + 64)


cdef int image_write(Shard *shard, uint8_t *data, size_t bytes) noexcept nogil:
    """Write the whole state. 0, or -1 (a mistake of ours).

    Runs in a fork of this process too: no memory is taken, no lock, nothing of the interpreter.
    What it writes follows from the journal alone, not from how memory came to be as it is: lots are
    written in the order of the accounts, exchanges in the order of their sequences.
    """
    cdef Packer packer
    cdef Head head
    cdef int64_t *held
    cdef int64_t held_count
    cdef int at
    # The sequences of old holds stand behind everything else while they are put in order.
    cdef size_t room = (bytes - shard.exchanges.held * sizeof(int64_t)) & ~<size_t> 7
    packer_open(&packer, data + sizeof(uint64_t), room - sizeof(uint64_t))
    held = <int64_t *> (data + room)
    memset(&head, 0, sizeof(Head))
    held_count = look_back(&shard.exchanges, shard.last_seq, held, &head.forgotten_s)
    head.exchanges = held_count + write_recent(&shard.exchanges, NULL, shard.last_seq)
    write_head(shard, &packer, &head)
    for at in range(AT_VOUCHERS + 1):
        write_place(shard, &packer, at)
    if write_accounts(&shard.book, &packer) != head.lots:
        return -1
    write_lots(&shard.book, &packer)
    write_exchanges(&shard.exchanges, &packer, shard.last_seq, held, held_count)
    if packer.full:
        return -1
    (<uint64_t *> data)[0] = sizeof(uint64_t) + packer.end      # last: now it is whole
    return 0


cdef void write_head(const Shard *shard, Packer *packer, Head *head) noexcept nogil:
    """Write the head, whose exchanges are known already."""
    head.last_seq = shard.last_seq
    head.epoch = shard.epoch
    head.shard = shard.number
    head.accounts = shard.book.account_count
    head.lots = head.lots_open = shard.book.lots_open
    head.lot_free = -1
    head.clubs = shard.register.club_count
    head.acquirers = shard.register.acquirer_count
    head.merchants = shard.register.merchant_count
    head.terminals = shard.register.terminal_count
    head.cards = shard.register.card_count
    head.vouchers = shard.register.voucher_count
    memcpy(head.chain, shard.chain, 32)
    packer_begin(packer, AT_HEAD, sizeof(Head), 1)
    packer_put(packer, head)
    packer_end(packer)


cdef Place place_of(Shard *shard, int at) noexcept nogil:
    """Where a part stands in memory, and how many bytes of it there are."""
    cdef Place place
    place.filled = 0
    if at == AT_CLUBS:
        place.data = <char *> shard.register.clubs
        place.record_bytes = sizeof(Club)
        place.bytes = shard.register.club_count * sizeof(Club)
    elif at == AT_ACQUIRERS:
        place.data = <char *> shard.register.acquirers
        place.record_bytes = sizeof(Acquirer)
        place.bytes = shard.register.acquirer_count * sizeof(Acquirer)
    elif at == AT_MERCHANTS:
        place.data = <char *> shard.register.merchants
        place.record_bytes = sizeof(Merchant)
        place.bytes = shard.register.merchant_count * sizeof(Merchant)
    elif at == AT_TERMINALS:
        place.data = <char *> shard.register.terminals
        place.record_bytes = sizeof(Terminal)
        place.bytes = shard.register.terminal_count * sizeof(Terminal)
    elif at == AT_CARDS:
        place.data = <char *> shard.register.cards
        place.record_bytes = sizeof(Card)
        place.bytes = <size_t> shard.register.card_count * sizeof(Card)
    elif at == AT_VOUCHERS:
        place.data = <char *> shard.register.vouchers
        place.record_bytes = sizeof(Voucher)
        place.bytes = <size_t> shard.register.voucher_count * sizeof(Voucher)
    elif at == AT_ACCOUNTS:
        place.data = <char *> shard.book.accounts
        place.record_bytes = sizeof(Account)
        place.bytes = <size_t> shard.book.account_count * sizeof(Account)
    else:
        place.data = <char *> shard.book.lots
        place.record_bytes = sizeof(Lot)
        place.bytes = <size_t> shard.book.lot_count * sizeof(Lot)
    return place


cdef void write_place(Shard *shard, Packer *packer, int at) noexcept nogil:
    """Write an array as it is."""
    cdef Place place = place_of(shard, at)
    packer_begin(packer, <uint32_t> at, <uint32_t> place.record_bytes, 1)
    while place.filled < place.bytes:
        packer_put(packer, place.data + place.filled)
        place.filled += place.record_bytes
    packer_end(packer)


cdef int64_t write_accounts(const Book *book, Packer *packer) noexcept nogil:
    """Write the accounts, whose lots follow each other; gives how many lots those are."""
    cdef Account account
    cdef int64_t lot_count = 0
    cdef int64_t i
    cdef int32_t at
    # A card's accounts look like those of the card before, slot by slot: a purse has four.
    packer_begin(packer, AT_ACCOUNTS, sizeof(Account), ACCOUNTS_APART)
    for i in range(book.account_count):
        account = book.accounts[i]
        at = account.lots
        if at >= 0:
            account.lots = <int32_t> lot_count
        while at >= 0 and lot_count <= book.lots_open:      # a ring would have no end
            lot_count += 1
            at = book.lots[at].next
        packer_put(packer, &account)
    packer_end(packer)
    return lot_count


cdef void write_lots(const Book *book, Packer *packer) noexcept nogil:
    """Write each account's lots, one account after the other."""
    cdef Lot lot
    cdef int32_t written = 0
    cdef int64_t i
    cdef int32_t at
    packer_begin(packer, AT_LOTS, sizeof(Lot), 1)
    for i in range(book.account_count):
        at = book.accounts[i].lots
        while at >= 0:
            lot = book.lots[at]
            at = lot.next
            written += 1
            lot.next = written if at >= 0 else -1
            packer_put(packer, &lot)
    packer_end(packer)


# --- exchanges: of the last rows, and every open hold ---------------------------------------------

cdef inline int64_t remembered_from(const Exchanges *all, int64_t last_seq) noexcept nogil:
    """Give the first row whose exchange a snapshot remembers.

    A quarter of the ring, so that all of them are there whatever else came into it: a row adds two
    at most, and open holds are fewer than half. So equal journals make equal snapshots. What is
    older is in the journal, like whatever leaves the ring.
    """
    return last_seq - <int64_t> (all.capacity // REMEMBERED_SHARE) + 1


cdef int64_t look_back(const Exchanges *all, int64_t last_seq, int64_t *held,
                       int64_t *forgotten_s) noexcept nogil:
    """Look at what came before the recent rows.

    Writes the sequences of its open holds, in order, and gives how many; of everything else, the
    received time of the newest, which the snapshot does not remember.
    """
    cdef int64_t from_seq = remembered_from(all, last_seq)
    cdef int64_t count = 0
    cdef uint32_t newest_s = all.forgotten_s
    cdef uint32_t at
    cdef const Exchange *entry
    for at in range(all.capacity):
        entry = &all.entries[at]
        if entry.seq == 0 or entry.seq >= from_seq or -entry.seq >= from_seq:
            continue                    # free, recent, or a recent row's tombstone
        if entry.state == STATE_HELD:
            held[count] = entry.seq
            count += 1
        elif entry.received_s > newest_s:
            newest_s = entry.received_s
    forgotten_s[0] = newest_s
    sort(held, count)
    return count


cdef void sort(int64_t *values, int64_t count) noexcept nogil:
    """Put values in order: a heap sort, because qsort may take memory."""
    cdef int64_t end = count
    cdef int64_t start = count // 2
    cdef int64_t at, child, value
    while end > 1:
        if start > 0:
            start -= 1
        else:
            end -= 1
            value = values[end]
            values[end] = values[0]
            values[0] = value
        at = start
        value = values[at]
        child = 2 * at + 1
        while child < end:
            if child + 1 < end and values[child + 1] > values[child]:
                child += 1
            if values[child] <= value:
                break
            values[at] = values[child]
            at = child
            child = 2 * at + 1
        values[at] = value


cdef void write_exchanges(const Exchanges *all, Packer *packer, int64_t last_seq,
                          const int64_t *held, int64_t held_count) noexcept nogil:
    cdef int64_t i
    packer_begin(packer, AT_EXCHANGES, <uint32_t> EXCHANGE_BYTES, 1)
    for i in range(held_count):
        write_exchange(packer, exchange_by_seq(all, held[i]))
    write_recent(all, packer, last_seq)
    packer_end(packer)


cdef int64_t write_recent(const Exchanges *all, Packer *packer, int64_t last_seq) noexcept nogil:
    """Write the exchanges of the recent rows, a tombstone before the row's own; gives how many.

    Without a packer they are only counted.
    """
    cdef int64_t seq = remembered_from(all, last_seq)
    cdef int64_t count = 0
    seq = 1 if seq < 1 else seq
    while seq <= last_seq:
        count += write_exchange(packer, exchange_by_seq(all, -seq))
        count += write_exchange(packer, exchange_by_seq(all, seq))
        seq += 1
    return count


cdef inline int write_exchange(Packer *packer, const Exchange *entry) noexcept nogil:
    """Write an exchange, if there is one and a packer; gives how many that are."""
    cdef Exchange plain
    if entry == NULL:
        return 0
    if packer != NULL:
        plain = entry[0]
        plain.detail_at = NO_DETAIL
        plain.reply_bytes = plain.move_count = 0
        packer_put(packer, &plain)
    return 1
