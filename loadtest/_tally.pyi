"""What a run counts: C only, see `_tally.pxd`."""
