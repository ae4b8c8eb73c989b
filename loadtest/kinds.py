"""The kinds of request that simulated terminals send, as a table (docs/pos-interface.md).

Owns which elements each kind has. Must not know where their values come from.
"""

from msgspec import Struct

HEADING = ("7", "11", "12", "13", "37", "41", "42")
"""What varies in every request, in the order in which it is filled in; DE 2 and 14 follow."""


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of request as data. `elements` are constant; `varying` come besides the heading."""

    name: str
    message_type: str
    processing_code: str
    elements: tuple[tuple[str, str], ...] = ()
    varying: tuple[str, ...] = ()

    @property
    def asks_only(self) -> bool:
        """Whether the request moves nothing, so that silence needs no reversal."""
        return self.processing_code.startswith("31")

    @property
    def is_reversal(self) -> bool:
        """Whether the request undoes another one."""
        return self.message_type.startswith("04")

    @property
    def insists(self) -> bool:
        """Whether it is told again until it is answered, and never itself reversed."""
        return self.is_reversal or self.message_type == "0220"


def _kind(
    name: str, message_type: str, processing_code: str, *varying: str, **constant: str
) -> Kind:
    """Give a row of the table below; `constant` elements are written DE25="06"."""
    return Kind(
        name=name,
        message_type=message_type,
        processing_code=processing_code,
        elements=tuple((element.removeprefix("DE"), value) for element, value in constant.items()),
        varying=varying,
    )


# fmt: off
#                        name                type    DE 3      varying, besides HEADING; constant
PURCHASE         = _kind("purchase",         "0200", "000000", "4")
MIXED            = _kind("mixed",            "0200", "000000", "4", "48.PR")
POINTS_PAYMENT   = _kind("points_payment",   "0200", "006000", "4")
BALANCE          = _kind("balance",          "0200", "310000")
POINTS_BALANCE   = _kind("points_balance",   "0200", "316000")
REFUND           = _kind("refund",           "0200", "200000", "4", "90")
LOAD             = _kind("load",             "0200", "210000", "4")
PREAUTHORISATION = _kind("preauthorisation", "0100", "000000", "4", DE25="06")
COMPLETION       = _kind("completion",       "0220", "000000", "4", "90")
REVERSAL         = _kind("reversal",         "0400", "000000", "3", "4", "90")
REVERSAL_ADVICE  = _kind("reversal_advice",  "0420", "000000", "3", "4", "90")
# fmt: on

EXAMPLES = {
    "3": "000000",
    "4": "000000000000",
    "7": "0101000000",
    "11": "000001",
    "12": "000000",
    "13": "0101",
    "37": "000000000001",
    "41": "00000001",
    "42": "000000000000001",
    "48.PR": "1000",
    "90": "0" * 42,
}
"""A value of the right length for every varying element; probing replaces it anyway."""
