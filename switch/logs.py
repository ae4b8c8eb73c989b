"""Structured logs: one JSON object per line, the same keys first, never a card number.

It owns the form of a line; what is logged is the shell's business. Nothing below layer 4 logs.
"""

import re
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]
LEVEL_NUMBERS: Mapping[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}

# What a reader scans for, in the order of reading; all other keys follow in the order given.
FIRST_KEYS = (
    "timestamp",
    "level",
    "event",
    "link",
    "pan",
    "stan",
    "mti",
    "response_code",
    "reason",
)

# ISO/IEC 7812-1: a PAN has up to 19 digits; no issuer uses fewer than 13.
PAN_DIGITS = re.compile(r"(?<![0-9])[0-9]{13,19}(?![0-9])")
DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # the digit sum of twice a digit


def configure_logs(level: Level, stream: TextIO = sys.stdout) -> None:
    """Make structlog write JSON lines to `stream`, from `level` up."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask_pans,
            order_keys,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVEL_NUMBERS[level]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def mask_pan(pan: str) -> str:
    """Return a card number as first six, asterisks, last four (PCI DSS 3.4.1 allows no more)."""
    return f"{pan[:6]}{'*' * (len(pan) - 10)}{pan[-4:]}" if len(pan) >= 13 else "*" * len(pan)


def mask_text(text: str) -> str:
    """Return `text` with everything that could be a card number masked.

    A safety net under code that masks by itself: 13 to 19 digits in a row that pass the Luhn check.
    One in ten numbers that are no cards is masked too, which a log can bear.
    """
    return PAN_DIGITS.sub(lambda found: _mask_if_luhn(found[0]), text)


def mask_pans(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask card numbers in every value of a log line, nested ones too (a structlog processor)."""
    return {key: _mask_value(value) for key, value in event.items()}


def order_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put `FIRST_KEYS` first (a structlog processor)."""
    first = {key: event[key] for key in FIRST_KEYS if key in event}
    return {**first, **event}


def _mask_if_luhn(digits: str) -> str:
    total = sum(
        int(digit) if index % 2 == 0 else DOUBLED[int(digit)]
        for index, digit in enumerate(reversed(digits))
    )
    return mask_pan(digits) if total % 10 == 0 else digits


def _mask_value(value: Any) -> Any:
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        masked = mask_text(str(value))
        return value if masked == str(value) else masked
    if isinstance(value, Mapping):
        return {mask_text(str(key)): _mask_value(inside) for key, inside in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_mask_value(inside) for inside in value]
    if isinstance(value, float):
        return value
    # An exception, a struct, bytes: what would be printed of it is what has to be masked.
    return mask_text(str(value))


def _to_json(event: EventDict, **_options: Any) -> str:
    return msgspec.json.encode(event).decode()
