"""Characters of numbers, card numbers and moments: C only, see `_spelling.pxd`."""
