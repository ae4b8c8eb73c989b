"""The ledger: what moved, and how we know."""
