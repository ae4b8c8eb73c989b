"""Chip cards: their keys, their cryptograms and the issuer's answers.

Owns the derivations and MACs of EMV Book 2 (option A and B, common session key, ARPC 1 and 2), of
M/Chip and of VIS where they differ, and the magnetic-stripe code of contactless cards (CVC3). All
of it is two-key TDES. Knows no command and no tag. Wrong lengths are ValueError.
"""

from libc.stdint cimport uint8_t

from hsm_sim._keys cimport Key

# A key of two blocks, each encrypted under `source`, with odd parity.
cdef Key pair_of(Key source, const uint8_t *left, const uint8_t *right)
