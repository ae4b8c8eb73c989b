"""Gives the examples the switch of the transcripts."""

from tests.golden.demo_switch import demo_switch

__all__ = ["demo_switch"]
