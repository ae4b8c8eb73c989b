"""What a message has to prove before it is believed: its sender, its card, its holder, a voucher.

Owns which proofs are wanted and what follows from the HSM's verdict. A message whose verdict is
not there yet is left as it is (PROVE_FIRST): whoever asks the HSM serves it again. Knows no HSM
command.
"""

from switch._keyring cimport IssuerKeys, TerminalKeys
from switch._plan cimport Moment
from switch._register cimport Card
from switch._shard cimport Decision, Request, Shard

cdef int check_sender(const Shard *shard, const Request *request, const Moment *now,
                      Decision *decision, const TerminalKeys **keys) noexcept nogil
cdef int check_holder(Shard *shard, const Request *request, const Moment *now,
                      Decision *decision) noexcept nogil
cdef int check_voucher_pin(const Shard *shard, const Request *request, const Moment *now,
                           Decision *decision) noexcept nogil
cdef const IssuerKeys *voucher_keys(const Shard *shard, const Card *card) noexcept nogil
