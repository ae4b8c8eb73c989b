"""Python face of `_slow_lane`: one turn of messages whose programme is priced in Python."""

from switch._fastpath import Gate

def price_waiting(gate: Gate, turn_us_max: int) -> tuple[int, int]:
    """Serve what waits to be priced, for about so long: (how many were served, how many wait).

    Never in the middle of a drain. Raises what an interrupt raised inside a function.
    """
