"""Batches of vouchers on this side of the HSM: their files, their making, their export."""
