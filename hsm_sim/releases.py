"""Release tokens: a custodian's word for one act, given where and when he is at the console.

Owns the token: a MAC under a key of the LMK over his name and the act. It is made only for who
proves that he is a custodian, it is good for this act alone, and it is no secret: the host carries
two of them to the HSM. So two custodians need not be there together, and a host cannot change what
they agreed to. Every token that is made or refused is on the audit trail.
"""

from collections.abc import Mapping

from hsm_sim._macs import cmac, equal
from hsm_sim.audit import AuditTrail
from hsm_sim.ceremony import CUSTODIANS_MIN
from hsm_sim.custodians import Custodians
from hsm_sim.errors import ErrorCode, Refused, Unusable
from hsm_sim.lmk import KeyBlockLmk

TOKEN_BYTES = 16


class Releases:
    """Makes tokens at the console, and checks them in the server."""

    def __init__(self, lmk: KeyBlockLmk, custodians: Custodians, trail: AuditTrail) -> None:
        self._key = lmk.derived(b"releases")
        self._custodians = custodians
        self._trail = trail

    def token(self, name: str, passphrase: str, act: str) -> bytes:
        """Make a custodian's token. Raises Unusable for who does not prove who he is."""
        if not self._custodians.knows(name, passphrase):
            self._trail.add([name], act, "refused: no such custodian, or another passphrase")
            raise Unusable("no such custodian, or another passphrase")
        self._trail.add([name], act, "agreed")
        return self._mac(name, act)

    def check(self, act: str, tokens: Mapping[str, bytes]) -> None:
        """Refuse (17) an act to which two custodians of today have not agreed."""
        known = self._custodians.names()
        good = [
            equal(self._mac(name, act), token) and name in known for name, token in tokens.items()
        ]
        if len(good) < CUSTODIANS_MIN or not all(good):
            self._trail.add(sorted(tokens), act, "refused: not released by two custodians")
            raise Refused(ErrorCode.NOT_AUTHORISED)

    def _mac(self, name: str, act: str) -> bytes:
        return cmac(self._key, f"{name}\n{act}".encode())


def release_act(batch: str, count: int, recipient: str) -> str:
    """Say what custodians agree to: which batch, how much of it, to whose certificate."""
    return f"release voucher batch {batch} of {count} to {recipient}"


def destroy_act(batch: str) -> str:
    """Say what custodians agree to when a batch's PINs are to be destroyed."""
    return f"destroy voucher batch {batch}"
