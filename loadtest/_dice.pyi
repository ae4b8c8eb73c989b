"""Chance as a function of numbers, and the digest that records keep of a reply."""

def digest_of(body: bytes) -> int:
    """Give the 64-bit digest that records keep of a reply's body; never 0."""

def zipf_counts(count: int, exponent: float, draws: int, seed: int) -> list[int]:
    """Draw `draws` times from `count` ranks of a Zipf distribution; how often each came."""
