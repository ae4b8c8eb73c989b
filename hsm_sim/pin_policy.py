"""What this HSM does with PINs beyond what the commands say: which formats, which translations.

Owns the codes of formats on the wire and the restrictions, as a value that is handed in. Must not
know keys nor PINs.

Source: codes 01 to 42 are jPOS SMAdapter's; 47 and 48 have no open source, so a site may map them
otherwise. Restrictions: ISO 9564-1 and PCI PIN, as IBM CCA and others document theirs.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from hsm_sim._pins import FORMATS
from hsm_sim.errors import ErrorCode, Refused

ISO_0, ISO_1, ISO_2 = FORMATS["ISO-0"], FORMATS["ISO-1"], FORMATS["ISO-2"]
ISO_3, ISO_4 = FORMATS["ISO-3"], FORMATS["ISO-4"]
# A block of these opens with its account only.
BOUND_TO_ACCOUNT = frozenset((ISO_0, ISO_3, ISO_4, FORMATS["PLUS"]))

# 35, 41 and 42 (two PINs in a block, a PIN change without a card) are nothing a club has: 23.
CODES: Mapping[str, int] = MappingProxyType(
    {
        "01": ISO_0,
        "02": FORMATS["Docutel"],
        "03": FORMATS["Diebold"],
        "04": FORMATS["PLUS"],
        "05": ISO_1,
        "34": ISO_2,
        "47": ISO_3,
        "48": ISO_4,
    }
)


class PinPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One HSM's rules for PINs.

    `codes`: formats by their codes on the wire. `weak_decimalisation_tables`: take a table with
    which verifying tells a PIN bit by bit. `losing_the_account`: translate a block that is bound to
    an account into ISO-1, which is bound to none; with it, whoever may translate can move a PIN to
    another account. Docutel and Diebold have no account either; they are the old terminals' formats
    that published commands translate to. A site without such terminals leaves them out of `codes`.
    """

    codes: Mapping[str, int] = msgspec.field(default_factory=lambda: CODES)
    weak_decimalisation_tables: bool = False
    losing_the_account: bool = False

    def format_of(self, code: str) -> int:
        """Give the format of a code. Refused: 23."""
        found = self.codes.get(code)
        if found is None:
            raise Refused(ErrorCode.PIN_BLOCK_FORMAT)
        return found

    def check_target(self, target: int, source: int | None = None) -> None:
        """Refuse (69: disabled, not unknown) to make a block of this format of that PIN.

        `source`: the format the PIN came in, None for a PIN under the LMK, which is bound to its
        account. ISO-2 is for handing a PIN to a chip: it never goes to a network.
        """
        bound = source is None or source in BOUND_TO_ACCOUNT
        if target == ISO_2 or (target == ISO_1 and bound and not self.losing_the_account):
            raise Refused(ErrorCode.PIN_BLOCK_FORMAT_DISABLED)
