"""What events say of keys, PINs and proofs, put into a shard. See `_security.pyi`."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from switch._core cimport Core
from switch._keyring cimport (
    MAC_CMAC, MAC_RETAIL, SEALED_BYTES_MAX, IssuerKeys, SealedKey, TerminalKeys,
    keyring_derivation, keyring_issuer, keyring_terminal,
)
from switch._plan cimport PIN_ALWAYS, PIN_IF_SENT, PIN_NEVER, Plan, VoucherRules
from switch._register cimport (
    DIGEST_BYTES, HANDED_OVER, NO_PVV, NOT_REDEEMED, Card, Register, Tries, Voucher, find_voucher,
    register_add_voucher,
)

PIN_POLICIES = {"never": PIN_NEVER, "if_sent": PIN_IF_SENT, "always": PIN_ALWAYS}
MAC_ALGORITHMS = {"": 0, "retail": MAC_RETAIL, "cmac": MAC_CMAC}


cdef int keep(SealedKey *place, str text) except -1:
    """Keep a sealed key's text."""
    encoded = text.encode("ascii")
    assert len(encoded) <= SEALED_BYTES_MAX
    memset(place, 0, sizeof(SealedKey))
    memcpy(place.text, PyBytes_AS_STRING(encoded), len(encoded))
    place.bytes = <uint8_t> len(encoded)
    return 0


def set_policy(Core core, int32_t plan_row, policy):
    """Say what a card of a programme has to prove (`switch.programme.Security`)."""
    cdef Plan *plan = &core.shard.plans[plan_row]
    assert 0 <= plan_row < core.shard.plan_count
    plan.security.pin = PIN_POLICIES[policy.pin]
    plan.security.pin_tries_max = policy.pin_tries_max
    plan.security.card_code = policy.card_code
    plan.security.chip = policy.chip
    plan.security.fallback = policy.fallback


def set_issuer_keys(Core core, int32_t plan_row, event):
    """Keep a programme's keys (`switch.events.IssuerKeysSet`)."""
    cdef IssuerKeys *keys = keyring_issuer(&core.shard.keyring, plan_row)
    assert 0 <= plan_row < core.shard.plan_count
    if keys == NULL:
        raise MemoryError
    keep(&keys.pin_verification, event.pin_verification)
    keep(&keys.card_code, event.card_code)
    keep(&keys.cryptogram, event.cryptogram)
    keep(&keys.dynamic_code, event.dynamic_code)
    keep(&keys.zone_pin, event.zone_pin)
    keep(&keys.voucher, event.voucher)
    label = event.voucher_label.encode("ascii")
    assert len(label) <= sizeof(keys.label)
    memset(keys.label, 0, sizeof(keys.label))
    memcpy(keys.label, PyBytes_AS_STRING(label), len(label))
    keys.label_bytes = <uint8_t> len(label)
    keys.code_at = event.code_at
    keys.places.code = int(event.pcvc3_track2, 16)
    keys.places.number = int(event.punatc_track2, 16)
    keys.places.counter_digits = event.natc_track2


def set_derivation_key(Core core, int32_t acquirer_row, str key):
    """Keep the base key of an acquirer's terminals."""
    cdef SealedKey *place = keyring_derivation(&core.shard.keyring, acquirer_row)
    assert 0 <= acquirer_row < core.shard.register.acquirer_count
    if place == NULL:
        raise MemoryError
    keep(place, key)


def set_terminal_keys(Core core, int32_t terminal, event):
    """Put a terminal's keys in force (`switch.events.TerminalKeysSet`); those of before step back.
    """
    cdef TerminalKeys *keys = keyring_terminal(&core.shard.keyring, terminal)
    assert 0 <= terminal < core.shard.register.terminal_count
    if keys == NULL:
        raise MemoryError
    if event.overlap_seconds and event.instead_of_newest and keys.before_until_s:
        keys.before_until_s = event.at_s + event.overlap_seconds
    elif event.overlap_seconds and (keys.pin[0].bytes or keys.mac[0].bytes
                                    or keys.data[0].bytes):
        keys.pin[1] = keys.pin[0]
        keys.mac[1] = keys.mac[0]
        keys.data[1] = keys.data[0]
        keys.before_until_s = event.at_s + event.overlap_seconds
    else:
        keys.before_until_s = 0
    keep(&keys.pin[0], event.pin)
    keep(&keys.mac[0], event.mac)
    keep(&keys.data[0], event.data)
    keep(&keys.told_pin, event.told_pin)
    keep(&keys.told_mac, event.told_mac)
    keep(&keys.told_data, event.told_data)
    keys.mac_algorithm = MAC_ALGORITHMS[event.mac_algorithm]


def set_pin_values(Core core, int64_t first, const uint16_t[::1] pvvs, const uint8_t[::1] pvkis):
    """Say how the PINs of cards are verified, from card `first` on."""
    cdef Card *card
    cdef Py_ssize_t i
    assert 0 <= first and first + pvvs.shape[0] <= core.shard.register.card_count
    assert pvvs.shape[0] == pvkis.shape[0]
    for i in range(pvvs.shape[0]):
        card = &core.shard.register.cards[first + i]
        card.pvv = pvvs[i]
        card.pvki = pvkis[i]


def reset_pin_tries(Core core, int64_t card):
    """Count a card's wrong PINs anew."""
    assert 0 <= card < core.shard.register.card_count
    core.shard.register.cards[card].pin_tries = 0
    core.shard.register.cards[card].voucher_tries.count = 0


def set_voucher_rules(Core core, int32_t plan_row, *, bint are_vouchers, int money_slot,
                      int points_slot, int sold_slot, int32_t programme, int32_t tries_max,
                      int32_t terminal_tries_max):
    """Say where a programme's vouchers have their value, or whose vouchers its cards take."""
    cdef VoucherRules *rules = &core.shard.plans[plan_row].vouchers
    assert 0 <= plan_row < core.shard.plan_count
    rules.are_vouchers = are_vouchers
    rules.money_slot = <uint8_t> money_slot
    rules.points_slot = <uint8_t> points_slot
    rules.sold_slot = <uint8_t> sold_slot
    rules.programme = programme
    rules.tries_max = tries_max
    rules.terminal_tries_max = terminal_tries_max


def knows_digest(Core core, bytes digest):
    """Is there a voucher of this PIN already?"""
    assert len(digest) == DIGEST_BYTES
    return find_voucher(&core.shard.register, <const uint8_t *> PyBytes_AS_STRING(digest)) >= 0


def add_vouchers(Core core, int64_t first, const uint8_t[::1] digests, int64_t price_minor,
                 int64_t points):
    """Have cards, from number `first` on, be vouchers by the digests of their PINs."""
    cdef Register *register = &core.shard.register
    cdef Voucher *voucher
    cdef Py_ssize_t i
    assert digests.shape[0] % DIGEST_BYTES == 0
    assert 0 <= first and first + digests.shape[0] // DIGEST_BYTES <= register.card_count
    for i in range(digests.shape[0] // DIGEST_BYTES):
        voucher = register_add_voucher(register, &digests[DIGEST_BYTES * i])
        if voucher == NULL:
            raise MemoryError
        voucher.card = <uint32_t> (first + i)
        voucher.redeemed_by = NOT_REDEEMED
        voucher.price_minor = price_minor
        voucher.points = points
        register.cards[first + i].voucher = register.voucher_count - 1


def voucher(Core core, int64_t card):
    """Give (price, points, card that has redeemed it or None) of a voucher; None: it is none."""
    cdef const Voucher *found
    if not 0 <= card < core.shard.register.card_count:
        raise IndexError(card)
    if core.shard.register.cards[card].voucher < 0:
        return None
    found = &core.shard.register.vouchers[core.shard.register.cards[card].voucher]
    if found.redeemed_by == HANDED_OVER:
        return found.price_minor, found.points, -1
    return (found.price_minor, found.points,
            None if found.redeemed_by == NOT_REDEEMED else found.redeemed_by)


def voucher_tries(Core core, int64_t card, int32_t terminal):
    """Give the (day, count) of wrong PINs of vouchers of a card, and of a terminal."""
    cdef const Tries *of_card = &core.shard.register.cards[card].voucher_tries
    cdef const Tries *of_terminal = &core.shard.register.terminals[terminal].voucher_tries
    assert 0 <= card < core.shard.register.card_count
    assert 0 <= terminal < core.shard.register.terminal_count
    return (of_card.day, of_card.count), (of_terminal.day, of_terminal.count)


def reset_key_counter(Core core, int32_t terminal, int32_t used):
    """Take the counters of a terminal's derived keys up to `used` as used, and no others."""
    assert 0 <= terminal < core.shard.register.terminal_count
    core.shard.register.terminals[terminal].key_counter = used


def card_proofs(Core core, int64_t number):
    """Give (wrong PINs since the last right one, PVV or None, chip counter or None) of a card."""
    cdef const Card *card
    if not 0 <= number < core.shard.register.card_count:
        raise IndexError(number)
    card = &core.shard.register.cards[number]
    return (card.pin_tries, None if card.pvv == NO_PVV else card.pvv,
            None if card.counter < 0 else card.counter)
