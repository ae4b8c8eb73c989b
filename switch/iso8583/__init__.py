"""ISO 8583: what the bytes mean. Knows no money."""
