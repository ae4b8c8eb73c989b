"""Vouchers: which one a PIN is of, whether it is good here and now, and who has tried too often.

Owns what is checked of a redemption before the card's programme is asked, and what a row changes in
the register. A terminal is told the same of every PIN that is not good, whatever is wrong with it;
the row's event tells which voucher it was and why. Knows no HSM command: the digest of a PIN comes
with the verdict.
"""

from libc.stdint cimport int32_t

from switch._exchanges cimport Exchange
from switch._plan cimport Moment
from switch._register cimport Card, Terminal, Voucher
from switch._shard cimport Decision, Request, Shard
from switch.ledger._rows cimport Row

cdef const char *fault_of(const Shard *shard, const Voucher *voucher, int32_t programme,
                          const Moment *now) noexcept nogil
cdef bint may_try(const Shard *shard, const Card *card, const Terminal *terminal,
                  int32_t business_day) noexcept nogil
cdef int find_the_voucher(Shard *shard, const Request *request, const Moment *now,
                          Decision *decision) noexcept nogil
cdef int check_undoable(const Shard *shard, const Request *request, const Exchange *original,
                        const Moment *now) noexcept nogil
