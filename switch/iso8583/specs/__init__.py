"""The shipped specs: `named("iso1987-binary")`, and `SPECS`, the tables by name."""

from switch.iso8583.specs.catalogue import SPECS, named

__all__ = ["SPECS", "named"]
