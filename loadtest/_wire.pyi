"""Connections of the generator: C only, see `_wire.pxd`."""
