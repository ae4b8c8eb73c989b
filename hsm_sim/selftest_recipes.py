"""Which recipe shows a published vector: found by the beginning of its name.

Owns the table. A vector without a recipe is told as such, and is a failure.
"""

from collections.abc import Sequence

from hsm_sim import selftest_keys as keys
from hsm_sim import selftest_messages as messages
from hsm_sim import selftest_pins as pins
from hsm_sim.selftest import RecipeOf, Vector

# The first row whose text the name begins with: its group, and its recipe.
RECIPES: Sequence[tuple[str, str, RecipeOf]] = (
    ("thales-", "host commands", keys.host_command),
    ("kcv-", "check values", keys.check_of_key),
    ("des-zero", "DES and TDES", keys.one_block),
    ("tdes-zero", "DES and TDES", keys.one_block),
    ("tr31-", "TR-31 key blocks", keys.key_block),
    ("dukpt-tdes-ipek", "TDES DUKPT keys", keys.dukpt_key),
    ("dukpt-tdes-txnkey", "TDES DUKPT keys", keys.dukpt_key),
    ("dukpt-tdes-clear-pinblock", "PIN blocks", pins.iso_0),
    ("dukpt-tdes-pin-", "TDES DUKPT PINs", pins.tdes_dukpt),
    ("dukpt-tdes-mac-", "TDES DUKPT MACs", messages.dukpt_mac),
    ("dukpt-tdes-cmac-", "TDES DUKPT MACs", messages.dukpt_mac),
    ("dukpt-tdes-data-", "TDES DUKPT data", messages.dukpt_data),
    ("dukpt-aes128-pinblock4-", "AES DUKPT PINs", pins.aes_dukpt),
    ("dukpt-aes256-pinblock4-", "AES DUKPT PINs", pins.aes_dukpt),
    ("dukpt-aes", "AES DUKPT keys", keys.dukpt_key),
    ("iso9564-4-pinfield", "PIN blocks", pins.iso_4_pin_field),
    ("iso9564-4-panfield", "PIN blocks", pins.iso_4_pan_field),
    ("iso9564-4-decode", "PIN blocks", pins.iso_4_decoded),
    ("iso9564-1-", "PIN blocks", pins.iso_1),
    ("iso9564-3-", "PIN blocks", pins.iso_3),
    ("iso9564-0-", "PIN blocks", pins.iso_0),
    ("pvv-", "PVV", pins.pvv),
    ("ibm3624-pin-", "IBM 3624", pins.ibm_pin),
    ("ibm3624-offset-", "IBM 3624", pins.ibm_offset),
    ("iso9797-alg3-", "MACs", messages.retail_mac),
    ("cmac-", "MACs", messages.cmac_of),
    ("hmac-", "MACs", messages.hmac_of),
    ("ff1-", "FF1", messages.ff1),
    ("cvv-", "CVV", messages.cvv),
    ("emv-arqc", "chip cards", messages.cryptogram),
    ("emv-arpc1", "chip cards", messages.arpc_of_card_key),
    ("luhn-", "check digits", messages.luhn),
    ("damm-", "check digits", messages.damm),
)
NO_GROUP = "no recipe"


def find(vector: Vector) -> tuple[str, RecipeOf | None]:
    """Give a vector's group and its recipe."""
    for prefix, group, recipe in RECIPES:
        if vector.name.startswith(prefix):
            return group, recipe
    return NO_GROUP, None
