"""Sealed keys. See `_keyring.pxd`."""

from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset


cdef void keyring_clear(Keyring *keyring) noexcept nogil:
    """Free everything."""
    cdef int32_t i
    for i in range(keyring.issuer_count):
        free(keyring.issuers[i])
    for i in range(keyring.terminal_count):
        free(keyring.terminals[i])
    free(keyring.issuers)
    free(keyring.terminals)
    free(keyring.derivations)
    memset(keyring, 0, sizeof(Keyring))


cdef void *grown(void *rows, int32_t count, int32_t wanted, size_t row_bytes) noexcept nogil:
    """Give an array with `wanted` rows, the new ones zero; NULL without memory."""
    cdef void *more = realloc(rows, <size_t> wanted * row_bytes)
    if more != NULL:
        memset(<char *> more + <size_t> count * row_bytes, 0,
               <size_t> (wanted - count) * row_bytes)
    return more


cdef IssuerKeys *keyring_issuer(Keyring *keyring, int32_t plan_row) noexcept nogil:
    """Give a programme's place, made if it has none; NULL without memory."""
    cdef void *rows
    if plan_row >= keyring.issuer_count:
        rows = grown(keyring.issuers, keyring.issuer_count, plan_row + 1, sizeof(void *))
        if rows == NULL:
            return NULL
        keyring.issuers = <IssuerKeys **> rows
        keyring.issuer_count = plan_row + 1
    if keyring.issuers[plan_row] == NULL:
        keyring.issuers[plan_row] = <IssuerKeys *> calloc(1, sizeof(IssuerKeys))
    return keyring.issuers[plan_row]


cdef TerminalKeys *keyring_terminal(Keyring *keyring, int32_t terminal) noexcept nogil:
    """Give a terminal's place, made if it has none; NULL without memory."""
    cdef void *rows
    cdef int32_t wanted = terminal + 1 + terminal // 2
    if terminal >= keyring.terminal_count:
        rows = grown(keyring.terminals, keyring.terminal_count, wanted, sizeof(void *))
        if rows == NULL:
            return NULL
        keyring.terminals = <TerminalKeys **> rows
        keyring.terminal_count = wanted
    if keyring.terminals[terminal] == NULL:
        keyring.terminals[terminal] = <TerminalKeys *> calloc(1, sizeof(TerminalKeys))
    return keyring.terminals[terminal]


cdef SealedKey *keyring_derivation(Keyring *keyring, int32_t acquirer_row) noexcept nogil:
    """Give an acquirer's place, made if it has none; NULL without memory."""
    cdef void *rows
    if acquirer_row >= keyring.derivation_count:
        rows = grown(keyring.derivations, keyring.derivation_count, acquirer_row + 1,
                     sizeof(SealedKey))
        if rows == NULL:
            return NULL
        keyring.derivations = <SealedKey *> rows
        keyring.derivation_count = acquirer_row + 1
    return &keyring.derivations[acquirer_row]
