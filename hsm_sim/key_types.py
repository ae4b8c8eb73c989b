"""What keys are for: a key type's place under a variant LMK, and in the header of a key block.

A key opens only as what it was sealed for. Under a variant LMK that is said by the LMK pair and the
variant that encrypt it (a wrong guess gives other bytes: parity is all that shows it). A key block
says it in its header, and its authenticator binds that to the key.

Sources: ut-codec-payshield messages.json, thalessimulatorlibrary (types, pairs, variants); X9.143
(usages, algorithms, modes of use).
"""

import msgspec


class KeyType(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One kind of key.

    `code`: key type code of the variant LMK: variant, then the code of the pair. `usages`, `modes`:
    what a key block's header may say for such a key, the first of each is written into new ones.
    """

    name: str
    code: str
    pair: str
    variant: int
    usages: tuple[str, ...]
    modes: tuple[str, ...]
    algorithms: str = "TDA"


def _type(
    name: str, code: str, pair: str, usages: str, modes: str, algorithms: str = "TDA"
) -> KeyType:
    return KeyType(
        name=name,
        code=code,
        pair=pair,
        variant=int(code[0]),
        usages=tuple(usages.split()),
        modes=tuple(modes),
        algorithms=algorithms,
    )


ZMK = _type("ZMK", "000", "04-05", "K0 K1", "BDEN")
ZPK = _type("ZPK", "001", "06-07", "P0", "BDEN")
# One pair holds three kinds under a variant LMK; blocks tell them apart.
TMK = _type("TMK", "002", "14-15", "K0 K1", "BDEN")
TPK = _type("TPK", "002", "14-15", "P0", "BDEN")
PVK = _type("PVK", "002", "14-15", "V2 V1 V0", "CGVN")
CVK = _type("CVK", "402", "14-15", "C0", "CGVN", "TD")
TAK = _type("TAK", "003", "16-17", "M3 M1 M6 M0 M7", "CGVN")
ZAK = _type("ZAK", "008", "26-27", "M3 M1 M6 M0 M7", "CGVN")
BDK = _type("BDK", "009", "28-29", "B0", "XN")
MK_AC = _type("MK-AC", "109", "28-29", "E0", "XN")
MK_SMI = _type("MK-SMI", "209", "28-29", "E2", "XN")
MK_SMC = _type("MK-SMC", "309", "28-29", "E1", "XN")
MK_DAC = _type("MK-DAC", "409", "28-29", "E3", "XN")
MK_DN = _type("MK-DN", "509", "28-29", "E4", "XN")
MK_CVC3 = _type("MK-CVC3", "709", "28-29", "E6", "XN")
ZEK = _type("ZEK", "00A", "30-31", "D0", "BDEN")
TEK = _type("TEK", "30B", "32-33", "D0", "BDEN")
# Only in key blocks: no published set has pairs for it.
HMAC_KEY = _type("HMAC", "10C", "34-35", "M7", "CGVN", "H")
# Ours: digests of voucher PINs; only in key blocks (its variant code belongs to no published set).
# Its usage is one that X9.143 leaves to us: with M7, whoever makes HMACs could try out PINs.
VOUCHER = _type("VOUCHER", "00B", "32-33", "90", "CGVN", "H")

# fmt: off
KEY_TYPES = (
    ZMK, ZPK, TMK, TPK, PVK, CVK, TAK, ZAK, BDK, MK_AC, MK_SMI, MK_SMC, MK_DAC, MK_DN, MK_CVC3, ZEK,
    TEK, HMAC_KEY, VOUCHER,
)
# fmt: on

BY_CODE = {kind.code: kind for kind in reversed(KEY_TYPES)}  # 002 is the TMK
