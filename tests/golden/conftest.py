"""Gives the transcripts their switch."""

from tests.golden.demo_switch import demo_switch, slow_lane_switch

__all__ = ["demo_switch", "slow_lane_switch"]
