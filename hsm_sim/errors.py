"""Error codes of the host commands, and the exception that carries one to the reply.

Source: ut-codec-payshield errors/list.json, thalessimulatorlibrary ErrorCodes.vb.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """The two characters after a response's code."""

    OK = "00"
    VERIFICATION_FAILED = "01"  # of an imported key: its parity was mended, with a result
    WARNING = "02"  # the result is present
    INPUT_FORMAT = "03"
    KEY_TYPE = "04"
    KEY_LENGTH_FLAG = "05"
    MESSAGE_LENGTH = "06"
    PADDING_METHOD = "09"
    SOURCE_KEY_PARITY = "10"
    DESTINATION_KEY_PARITY = "11"
    NO_USER_STORAGE = "12"
    LMK_ID = "13"
    PIN_UNDER_LMK = "14"
    INPUT_DATA = "15"
    NOT_AUTHORISED = "17"
    PIN_BLOCK = "20"
    ACCOUNT = "22"
    PIN_BLOCK_FORMAT = "23"
    PIN_LENGTH = "24"
    DECIMALISATION_TABLE = "25"
    KEY_SCHEME = "26"
    KEY_LENGTH = "27"
    KEY_TYPE_USE = "28"
    NOT_PERMITTED = "29"
    FRAUD_DETECTED = "39"
    INTERNAL = "41"
    DES_FAULT = "42"
    ALGORITHM_NOT_LICENSED = "47"
    MESSAGE_HEADER = "51"
    CHAINED_COUNT = "52"
    NOT_LICENSED = "67"
    DISABLED = "68"
    PIN_BLOCK_FORMAT_DISABLED = "69"
    SINGLE_KEY_IN_DISGUISE = "75"
    DATA_LENGTH = "80"
    NO_DATA = "81"
    KEY_BLOCK_HEADER = "83"
    KEY_BLOCK_CHECK = "84"
    PARITY = "90"
    KEY_BLOCK_VERSION = "A1"
    KEY_BLOCK_AUTHENTICATION = "A4"
    KEY_BLOCK_USAGE = "A6"
    KEY_BLOCK_ALGORITHM = "A7"
    KEY_BLOCK_MODE = "A8"
    KEY_BLOCK_EXPORTABILITY = "AA"
    UNKNOWN_COMMAND = "ZZ"


class Refused(Exception):
    """A command that ends with an error code and nothing after it."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.value)
        self.code = code


class Unusable(RuntimeError):
    """A file, a ceremony or a custodian that must not be used: one clear line for the operator."""
