"""All commands with PINs, in one table.

Owns nothing but the sum: how PINs move (`pin_translation`), are verified (`pin_verification`), and
what they are verified against (`pin_values`).
"""

from hsm_sim.commands import pin_translation, pin_values, pin_verification
from hsm_sim.hsm import Command

COMMANDS: tuple[Command, ...] = (
    *pin_translation.COMMANDS,
    *pin_verification.COMMANDS,
    *pin_values.COMMANDS,
)
