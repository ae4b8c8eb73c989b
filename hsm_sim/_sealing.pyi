"""Python face of `_sealing`: none; it is for the compiled modules of the HSM."""
