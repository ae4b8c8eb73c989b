"""Python face of `_mailers`: a PIN into a document, without showing it."""

from hsm_sim._documents import Document
from hsm_sim._pins import Pin

def write_pin(document: Document, pin: Pin, before: bytes, after: bytes) -> None:
    """Write a line at the end of a document: `before`, the PIN in clear, `after`."""
