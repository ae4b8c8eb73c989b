"""Kill -9 under load: `python -m tests.chaos --kills 50 --seed 1`."""
