"""Sums over a whole book, for the auditor. See `_audit.pyi`.

Owns loops over every account, which Python would take seconds for. Decides and changes nothing.
"""

from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t

from switch._core cimport Core
from switch._exchanges cimport Exchange
from switch._plan cimport LOT_MARKS_SHIFT, LOT_PAID
from switch._register cimport (
    CLUB_POINTS_EXPIRED, CLUB_POINTS_ISSUED, CLUB_POINTS_REDEEMED, Club,
)
from switch._shard cimport is_held
from switch._words cimport STATE_HELD
from switch.ledger._book cimport OWNER_CARD, Account, Book


def open_holds(Core core):
    """Give every open hold. See `_audit.pyi`."""
    cdef uint32_t at
    cdef const Exchange *entry
    found = []
    for at in range(core.shard.exchanges.capacity):
        entry = &core.shard.exchanges.entries[at]
        if entry.seq != 0 and entry.state == STATE_HELD:
            found.append((entry.seq, entry.approved_minor, entry.undone_minor))
    return found


def held_balances(Core core):
    """Give what cards have held. See `_audit.pyi`."""
    cdef int64_t number
    cdef const Account *account
    found = {}
    for number in range(core.shard.book.account_count):
        account = &core.shard.book.accounts[number]
        if account.balance != 0 and is_held(&core.shard, account):
            found[number] = account.balance
    return found


def below_floor(Core core):
    """Give the accounts below their floor. See `_audit.pyi`."""
    cdef int64_t number
    cdef const Account *account
    found = []
    for number in range(core.shard.book.account_count):
        account = &core.shard.book.accounts[number]
        if account.balance < account.floor:
            found.append((number, account.balance, account.floor))
    return found


def points(Core core):
    """Give every club's points. See `_audit.pyi`."""
    cdef const Book *book = &core.shard.book
    cdef const Club *club
    cdef int64_t on_cards, in_lots, expired
    cdef int32_t row
    found = []
    for row in range(core.shard.register.club_count):
        club = &core.shard.register.clubs[row]
        points_of_unit(book, club.points_unit, &on_cards, &in_lots)
        expired = 0
        if CLUB_POINTS_EXPIRED < club.slots:
            expired = book.accounts[club.accounts + CLUB_POINTS_EXPIRED].balance
        found.append((club.club, -book.accounts[club.accounts + CLUB_POINTS_ISSUED].balance,
                      book.accounts[club.accounts + CLUB_POINTS_REDEEMED].balance,
                      expired, on_cards, in_lots))
    return found


def points_of_merchants(Core core):
    """Give the points that merchants fund. See `_audit.pyi`."""
    cdef const Book *book = &core.shard.book
    cdef const Account *account
    cdef int64_t number, found
    cdef int32_t row, at
    funded = {}
    for row in range(core.shard.register.club_count):
        found = 0
        for number in range(book.account_count):
            account = &book.accounts[number]
            if (account.unit != core.shard.register.clubs[row].points_unit
                    or account.owner_kind != OWNER_CARD):
                continue
            at = account.lots
            while at >= 0:
                if book.lots[at].lot >> LOT_MARKS_SHIFT & LOT_PAID:
                    found += book.lots[at].remaining
                at = book.lots[at].next
        funded[core.shard.register.clubs[row].club] = found
    return funded


cdef void points_of_unit(const Book *book, uint16_t unit, int64_t *on_cards,
                         int64_t *in_lots) noexcept:
    """Sum a unit over the cards' accounts and over their lots."""
    cdef const Account *account
    cdef int64_t number
    cdef int32_t at
    on_cards[0] = in_lots[0] = 0
    for number in range(book.account_count):
        account = &book.accounts[number]
        if account.unit != unit or account.owner_kind != OWNER_CARD:
            continue
        on_cards[0] += account.balance
        at = account.lots
        while at >= 0:
            in_lots[0] += book.lots[at].remaining
            at = book.lots[at].next
