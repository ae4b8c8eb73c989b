"""Point-of-sale terminals: the profile of docs/pos-interface.md, in its two encodings.

A table; knows nothing of sockets, money or cards.
"""

from switch.iso8583.framing import Framing
from switch.operations import MessageClass, Operation
from switch.profile import Field, OperationRow, Profile, Tag

ELEMENTS = {
    Field.PAN: 2,  # Primary account number
    Field.PROCESSING_CODE: 3,  # Processing code
    Field.AMOUNT: 4,  # Amount, transaction
    Field.TRANSMITTED_AT: 7,  # Transmission date and time
    Field.STAN: 11,  # System trace audit number
    Field.LOCAL_TIME: 12,  # Time, local transaction
    Field.LOCAL_DATE: 13,  # Date, local transaction
    Field.EXPIRY: 14,  # Date, expiration
    Field.SETTLEMENT_DATE: 15,  # Date, settlement
    Field.ENTRY_MODE: 22,  # Point of service entry mode
    Field.CARD_SEQUENCE: 23,  # Card sequence number
    Field.CONDITION_CODE: 25,  # Point of service condition code
    Field.ACQUIRER: 32,  # Acquiring institution identification code
    Field.TRACK2: 35,  # Track 2 data
    Field.RRN: 37,  # Retrieval reference number
    Field.AUTHORISATION_CODE: 38,  # Authorization identification response
    Field.RESPONSE_CODE: 39,  # Response code
    Field.TERMINAL: 41,  # Card acceptor terminal identification
    Field.MERCHANT: 42,  # Card acceptor identification code
    Field.PRIVATE: 48,  # Additional data, private
    Field.CURRENCY: 49,  # Currency code, transaction
    Field.PIN_BLOCK: 52,  # Personal identification number (PIN) data
    Field.BALANCES: 54,  # Additional amounts
    Field.CHIP_DATA: 55,  # Integrated circuit card system related data
    Field.MAC: 64,  # Message authentication code (MAC)
    Field.NETWORK_CODE: 70,  # Network management information code
    Field.ORIGINAL: 90,  # Original data elements
    Field.REPLACEMENT: 95,  # Replacement amounts
    Field.MAC_EXTENDED: 128,  # Message authentication code (MAC)
}

CREDIT_ACCOUNT = 30
POINTS_ACCOUNT = 60
PREAUTHORISED = 6


def _row(
    message_class: MessageClass,
    transaction_type: int,
    operation: Operation,
    from_account: int | None = None,
    condition_code: int | None = None,
) -> OperationRow:
    return OperationRow(
        message_class=message_class,
        transaction_type=transaction_type,
        from_account=from_account,
        condition_code=condition_code,
        operation=operation,
    )


_AUTHORISATION = MessageClass.AUTHORISATION
_FINANCIAL = MessageClass.FINANCIAL

OPERATIONS = (
    _row(_AUTHORISATION, 0, Operation.PREAUTHORISATION, condition_code=PREAUTHORISED),
    _row(_AUTHORISATION, 0, Operation.HOLD),
    _row(_AUTHORISATION, 31, Operation.POINTS_BALANCE, from_account=POINTS_ACCOUNT),
    _row(_AUTHORISATION, 31, Operation.BALANCE),
    _row(_FINANCIAL, 0, Operation.POINTS_PAYMENT, from_account=POINTS_ACCOUNT),
    _row(_FINANCIAL, 0, Operation.PURCHASE),
    _row(_FINANCIAL, 1, Operation.WITHDRAWAL),
    _row(_FINANCIAL, 20, Operation.REFUND),
    _row(_FINANCIAL, 21, Operation.REPAYMENT, from_account=CREDIT_ACCOUNT),
    _row(_FINANCIAL, 21, Operation.LOAD),
    _row(_FINANCIAL, 31, Operation.POINTS_BALANCE, from_account=POINTS_ACCOUNT),
    _row(_FINANCIAL, 31, Operation.BALANCE),
    _row(_FINANCIAL, 72, Operation.ACTIVATION),
    _row(_FINANCIAL, 73, Operation.VOUCHER_REDEMPTION),
    _row(_FINANCIAL, 90, Operation.RENEWAL),
    _row(_AUTHORISATION, 91, Operation.DEBT_INQUIRY),
    _row(_FINANCIAL, 91, Operation.SETTLEMENT),
    _row(_FINANCIAL, 92, Operation.ITEM_REGISTRATION),
    _row(_AUTHORISATION, 93, Operation.ITEM_INQUIRY),
    _row(_FINANCIAL, 93, Operation.ITEM_INQUIRY),
    _row(_FINANCIAL, 94, Operation.ITEM_CLAIM),
    _row(MessageClass.ADVICE, 0, Operation.COMPLETION),
)

WITHOUT_AMOUNT = (
    Operation.BALANCE,
    Operation.POINTS_BALANCE,
    Operation.RENEWAL,
    Operation.ITEM_REGISTRATION,
    Operation.ITEM_INQUIRY,
    Operation.ITEM_CLAIM,
    Operation.DEBT_INQUIRY,
    Operation.VOUCHER_REDEMPTION,
)

NETWORK_CODES = {
    1: Operation.SIGN_ON,
    2: Operation.SIGN_OFF,
    161: Operation.KEY_EXCHANGE,
    201: Operation.CUT_OVER,
    301: Operation.ECHO,
}

_MONEY_MESSAGE = (
    Field.PROCESSING_CODE,
    Field.AMOUNT,
    Field.STAN,
    Field.TERMINAL,
    Field.MERCHANT,
    Field.CURRENCY,
)

MANDATORY = {
    MessageClass.AUTHORISATION: _MONEY_MESSAGE,
    MessageClass.FINANCIAL: _MONEY_MESSAGE,
    MessageClass.ADVICE: _MONEY_MESSAGE,
    MessageClass.REVERSAL: _MONEY_MESSAGE,
    MessageClass.REVERSAL_ADVICE: _MONEY_MESSAGE,
    MessageClass.NETWORK: (Field.STAN, Field.TERMINAL, Field.NETWORK_CODE),
}

ECHOED = (
    Field.PROCESSING_CODE,
    Field.TRANSMITTED_AT,
    Field.STAN,
    Field.LOCAL_TIME,
    Field.LOCAL_DATE,
    Field.SETTLEMENT_DATE,
    Field.CONDITION_CODE,
    Field.ACQUIRER,
    Field.TERMINAL,
    Field.MERCHANT,
    Field.CURRENCY,
    Field.NETWORK_CODE,
    Field.ORIGINAL,
)

TAGS = {
    Tag.POINTS_LIMIT: "PR",
    Tag.PARTIAL_OK: "PA",
    Tag.ORIGINAL_TERMINAL: "OT",
    Tag.DISCOUNT: "DS",
    Tag.FUNDER: "DF",
    Tag.MONEY: "NP",
    Tag.POINTS_REDEEMED: "PX",
    Tag.POINTS_VALUE: "PV",
    Tag.POINTS_EARNED: "PE",
    Tag.DISCOUNT_RULE: "WD",
    Tag.EARN_RULE: "WE",
    Tag.REASON: "RC",
    Tag.FAULT_ELEMENT: "RE",
    Tag.KEY_SERIAL: "KS",
    Tag.PIN_KEY: "KP",
    Tag.MAC_KEY: "KM",
    Tag.ITEM: "SN",
    Tag.PARTS: "PW",
    Tag.CASH: "CA",
    Tag.FEE: "FE",
    Tag.TIER: "TI",
    Tag.UNTIL: "UN",
    Tag.PLAN: "IN",
    Tag.INSTALMENTS: "IC",
    Tag.FIRST_INSTALMENT: "IA",
    Tag.FIRST_DUE: "ID",
    Tag.OWED: "OW",
    Tag.DUE: "DM",
    Tag.VOUCHER_PIN: "VP",
    Tag.DATA_KEY: "KD",
    Tag.VOUCHER_MONEY: "VR",
    Tag.VOUCHER_POINTS: "VT",
    Tag.BOUND: "LB",
    Tag.EARN_BOUND: "LE",
    Tag.REBATE: "RB",
}


def _profile(name: str, spec: str, framing: Framing) -> Profile:
    return Profile(
        name=name,
        spec=spec,
        framing=framing,
        elements=ELEMENTS,
        operations=OPERATIONS,
        network_codes=NETWORK_CODES,
        mandatory=MANDATORY,
        without_amount=WITHOUT_AMOUNT,
        echoed=ECHOED,
        tags=TAGS,
    )


POS_BINARY = _profile("pos-binary", "iso1987-binary", Framing(length="binary2", tpdu=True))
POS_ASCII = _profile("pos-ascii", "iso1987-ascii", Framing(length="ascii4", tpdu=False))
PROFILES = {profile.name: profile for profile in (POS_BINARY, POS_ASCII)}
