"""Stripes as a reader types them, for tests."""

from acquirers.terminal.cards.stripe import TRACK1_FIRST, TRACK2_FIRST, lrc


def with_lrc(track: str) -> str:
    """Give a track with its check character."""
    return track + lrc(track, TRACK1_FIRST if track[0] == "%" else TRACK2_FIRST)
