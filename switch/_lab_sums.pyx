"""What moves mean to whom. See `_lab_sums.pxd`."""

from switch._register cimport (
    CLUB_BREAKAGE, CLUB_DISCOUNTS, CLUB_FEES, CLUB_FLOAT, CLUB_POINTS_EXPIRED, CLUB_POINTS_ISSUED,
    CLUB_POINTS_PAID, CLUB_POINTS_REDEEMED,
)
from switch.ledger._book cimport (
    OWNER_CARD, OWNER_CLUB, OWNER_MERCHANT, OWNER_ORGANISATION, Account,
)


cdef inline int way(int from_kind, int from_slot, int to_kind, int to_slot) noexcept nogil:
    """Which figure a move in this direction adds to, SUM_COUNT = none."""
    if from_kind == OWNER_CLUB:
        if to_kind == OWNER_CARD and from_slot == CLUB_POINTS_ISSUED:
            return SUM_EARNED
        if to_kind == OWNER_MERCHANT and from_slot == CLUB_DISCOUNTS:
            return SUM_DISCOUNT_CLUB
        if to_kind == OWNER_MERCHANT and from_slot == CLUB_POINTS_PAID:
            return SUM_POINTS_PAID
        if to_kind == OWNER_CLUB and from_slot == CLUB_FLOAT and to_slot == CLUB_FEES:
            return SUM_FEES
        return SUM_COUNT
    if from_kind == OWNER_CARD:
        if to_kind == OWNER_MERCHANT:
            return SUM_MONEY
        if to_kind != OWNER_CLUB:
            return SUM_COUNT
        if to_slot == CLUB_POINTS_REDEEMED:
            return SUM_REDEEMED
        if to_slot == CLUB_POINTS_EXPIRED:
            return SUM_EXPIRED
        return SUM_BREAKAGE if to_slot == CLUB_BREAKAGE else SUM_COUNT
    if from_kind == OWNER_MERCHANT and to_kind == OWNER_CLUB and to_slot == CLUB_FEES:
        return SUM_COMMISSION
    if from_kind == OWNER_ORGANISATION and to_kind == OWNER_CARD:
        return SUM_GRANTED
    return SUM_COUNT


cdef void add_moves(const Book *book, const Move *moves, int32_t count,
                    int64_t *sums) noexcept nogil:
    """Add what moves mean to `sums`; a move the other way round takes it off again."""
    cdef const Account *source
    cdef const Account *target
    cdef int32_t i
    cdef int figure
    for i in range(count):
        source = &book.accounts[moves[i].from_account]
        target = &book.accounts[moves[i].to_account]
        if source.owner_kind == target.owner_kind == OWNER_CARD:
            continue                    # within a card: a hold
        figure = way(source.owner_kind, source.slot, target.owner_kind, target.slot)
        if figure != SUM_COUNT:
            sums[figure] += moves[i].amount
        else:
            figure = way(target.owner_kind, target.slot, source.owner_kind, source.slot)
            if figure != SUM_COUNT:
                sums[figure] -= moves[i].amount
        if target.owner_kind == OWNER_MERCHANT:
            sums[SUM_MERCHANTS] += moves[i].amount
        elif source.owner_kind == OWNER_MERCHANT:
            sums[SUM_MERCHANTS] -= moves[i].amount


cdef void add_sums(int64_t *into, const int64_t *sums) noexcept nogil:
    """Add figures to figures."""
    cdef int i
    for i in range(SUM_COUNT):
        into[i] += sums[i]
