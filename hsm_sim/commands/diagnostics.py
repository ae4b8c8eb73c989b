"""Commands about the HSM itself: is it there, how is it, what was it asked; and chains.

Owns their layouts. Values are real ones: of `hsm.health`, `hsm.pin_watch` and the LMKs. Must not
know the network: the count of connections it tells is the bound, as a payShield does.

Source: decoders of mszeu/PayShieldPressureTest (NO, NC, N0, JK, J2, J4, J8); thalessimulatorlibrary
(NK, RA, B2).
"""

import secrets
from datetime import UTC, datetime

from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.framing import RESPONSE_BYTES_MAX
from hsm_sim.health import LOAD_BUCKETS
from hsm_sim.hsm import Command, Hsm
from hsm_sim.lmk import KeyBlockLmk, VariantLmk

FIRMWARE = "0100-0001"
SERIAL = "SIMULATED001"
SOCKETS = "64"
ECHO_BYTES_MAX = 0xFFFF
RANDOM_BYTES_MAX = 256
CHAINED_MAX = 99
CHAINED_BYTES_MAX = 9_999  # what four digits can say
LMK_SEPARATOR, LMKS_END = b"\x14", b"\x15"
PUBLISHED_CHECK_VALUES = frozenset(
    (VariantLmk.published_test_set().check_value, KeyBlockLmk.published_test_key().check_value)
)


def diagnostics(hsm: Hsm, fields: Fields) -> bytes:
    """NC: the check value of the LMK, and which firmware this is."""
    fields.end()
    return (hsm.lmk(fields).check_value + FIRMWARE).encode("ascii")


def status(hsm: Hsm, fields: Fields) -> bytes:
    """NO: mode 00 what it is, 01 whether its settings are those of PCI HSM."""
    mode = fields.digits(2)
    fields.end()
    if mode == "00":
        # 32 KB buffer, TCP, sockets, firmware, and five characters that are reserved.
        return f"31{SOCKETS}{FIRMWARE}00000".encode("ascii")
    if mode == "01":
        # A TMK, TPK and PVK share pair 14-15 of a variant LMK: that is the setting "0" names.
        separates = not any(isinstance(lmk, VariantLmk) for lmk in hsm.lmks.values())
        return b"1" if separates else b"0"
    raise Refused(ErrorCode.INPUT_DATA)


def echo(hsm: Hsm, fields: Fields) -> bytes:
    """B2: the data again. 80 for less than announced, 15 for more."""
    count = fields.hex_number(4)
    if fields.left < count:
        raise Refused(ErrorCode.DATA_LENGTH)
    data = fields.take(count)
    fields.end()
    return data


def random_bytes(hsm: Hsm, fields: Fields) -> bytes:
    """N0: so many random bytes; 01 for a length that cannot be."""
    count = fields.number(3)
    fields.end()
    if not 1 <= count <= RANDOM_BYTES_MAX:
        raise Refused(ErrorCode.VERIFICATION_FAILED)
    return secrets.token_bytes(count)


def state(hsm: Hsm, fields: Fields) -> bytes:
    """JK: how it is now: doors, tampering, LMKs, alarms."""
    fields.end()
    published = [lmk.check_value in PUBLISHED_CHECK_VALUES for lmk in hsm.lmks.values()]
    watch = hsm.pin_watch.counts()
    rate_exceeded = watch.minute_limit_exceeded + watch.hour_limit_exceeded > 0
    lmks = LMK_SEPARATOR.join(_lmk_state(hsm, number) for number in sorted(hsm.lmks))
    return (
        SERIAL.encode("ascii")
        + _at(hsm.health.now_ns())
        # No console, no manager; host 1 runs, host 2 is not configured; reserved; not tampered.
        + b"22" + b"13" + b"00" + b"1"
        + f"{len(published):02}{sum(published):02}00".encode("ascii")
        + lmks
        + LMKS_END
        + f"{rate_exceeded:d}{watch.attacks > 0:d}".encode("ascii")
    )  # fmt: skip


def _lmk_state(hsm: Hsm, number: int) -> bytes:
    """Identifier, authorised, activities, scheme, algorithm, live or test, comment."""
    lmk = hsm.lmks[number]
    kind = "V0" if isinstance(lmk, VariantLmk) else "K2"  # of two-key TDES, of AES-256
    use = "T" if lmk.check_value in PUBLISHED_CHECK_VALUES else "L"
    authorised = "101" if hsm.authorised else "000"
    return f"{number:02}{authorised}{kind}{use}{lmk.check_value}".encode("ascii")


def load(hsm: Hsm, fields: Fields) -> bytes:
    """J2: for how many seconds it was how busy."""
    fields.end()
    hsm.health.advance(hsm.health.now_ns())
    shares = "".join(
        f"{start:03}{end:03}{seconds:010};"
        for (start, end), seconds in zip(LOAD_BUCKETS, hsm.health.load_seconds, strict=True)
    )
    return _period(hsm) + f"{hsm.health.seconds:010}{shares}".encode("ascii")


def volumes(hsm: Hsm, fields: Fields) -> bytes:
    """J4: how often each command came."""
    fields.end()
    hsm.health.advance(hsm.health.now_ns())
    counts = "".join(f"{code}{count:012}" for code, count in sorted(hsm.health.counts.items()))
    return _period(hsm) + f"{hsm.health.seconds:010}{counts}".encode("ascii")


def accumulated(hsm: Hsm, fields: Fields) -> bytes:
    """J8: reboots, tampers; how often wrong PINs a minute and an hour were too many, and attacks.

    Counts are since the start, which is the one reboot, or since the PIN watch was reset.
    """
    fields.end()
    watch = hsm.pin_watch.counts()
    counts = (
        f"{1:010}{0:010}"
        f"{min(watch.minute_limit_exceeded, 9_999_999):07}"
        f"{min(watch.hour_limit_exceeded, 99_999):05}"
        f"{min(watch.attacks, 99_999_999):08}"
    )
    return _period(hsm) + counts.encode("ascii")


def _at(now_ns: int) -> bytes:
    """Date and time, YYMMDDhhmmss UTC."""
    moment = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC)
    return moment.strftime("%y%m%d%H%M%S").encode("ascii")


def _period(hsm: Hsm) -> bytes:
    """Serial number, begin and end of what is told, and now."""
    now = _at(hsm.health.now_ns())
    return SERIAL.encode("ascii") + _at(hsm.health.started_ns) + now + now


def chain(hsm: Hsm, fields: Fields) -> bytes:
    """NK: run commands one after the other. 51 header flag, 52 count or a chain in it, 15 lengths.

    All lengths are read before anything runs: a chain with a fault does nothing. Responses that
    together are more than a frame end in 80.
    """
    flag = fields.take(1)
    if flag not in (b"0", b"1"):
        raise Refused(ErrorCode.MESSAGE_HEADER)
    count_text = fields.take(2)
    if not count_text.isdigit() or not 1 <= int(count_text) <= CHAINED_MAX:
        raise Refused(ErrorCode.CHAINED_COUNT)
    header_bytes = hsm.header_bytes if flag == b"1" else 0
    chained = []
    for _ in range(int(count_text)):
        command = fields.take(fields.number(4))
        header, message = command[:header_bytes], command[header_bytes:]
        if len(message) < 2:
            raise Refused(ErrorCode.INPUT_DATA)
        if message[:2] == b"NK":
            raise Refused(ErrorCode.CHAINED_COUNT)
        chained.append((header, message))
    fields.end()
    responses = [header + hsm.execute(message) for header, message in chained]
    total_bytes = sum(4 + len(response) for response in responses)
    # The rest of a response: header, code, error, count, a trailer.
    if (
        total_bytes > RESPONSE_BYTES_MAX - 512
        or max(len(response) for response in responses) > CHAINED_BYTES_MAX
    ):
        raise Refused(ErrorCode.DATA_LENGTH)
    return count_text + b"".join(b"%04d" % len(text) + text for text in responses)


def cancel_authorised(hsm: Hsm, fields: Fields) -> bytes:
    """RA: end the authorised state."""
    fields.end()
    hsm.authorised = False
    return b""


def reset_pin_watch(hsm: Hsm, fields: Fields) -> bytes:
    """ZO: verify PINs again, after somebody has found out who searched. Ours."""
    fields.end()
    hsm.pin_watch.reset()
    return b""


COMMANDS = (
    Command("NC", "Diagnostics", diagnostics),
    Command("NO", "Status", status),
    Command("B2", "Echo", echo),
    Command("N0", "Random bytes", random_bytes),
    Command("JK", "Instantaneous state", state),
    Command("J2", "Load", load),
    Command("J4", "Volumes of commands", volumes),
    Command("J8", "Accumulated counts", accumulated),
    Command("NK", "Commands in a chain", chain),
    Command("RA", "Cancel the authorised state", cancel_authorised),
    Command("ZO", "Reset the PIN watch", reset_pin_watch, authorised=True),
)
