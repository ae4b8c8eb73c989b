"""All fuzz targets, one after the other: `python -m tests.fuzz [--seconds N] [--seed S]`.

Half of the time for the codec, half for frames against a real gate; then a million commands for the
HSM. A fault prints its seed and ends with an error.
"""

import argparse
import random

from tests.fuzz import fuzz_codec, fuzz_frames, fuzz_hsm


def main() -> None:
    """Read the arguments and fuzz."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for codec and gate")
    parser.add_argument("--commands", type=int, default=fuzz_hsm.FRAMES, help="for the HSM")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run; default: by chance")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    for name, fuzz in (("codec", fuzz_codec.fuzz), ("frames", fuzz_frames.fuzz)):
        print(f"{name}: {options.seconds / 2:g} s, seed {seed}", flush=True)
        _tell(fuzz(options.seconds / 2, seed))
    print(f"HSM: {options.commands:,} commands, seed {seed}", flush=True)
    _tell(fuzz_hsm.fuzz(options.commands, seed))


def _tell(counts: dict[str, int]) -> None:
    print("  " + ", ".join(f"{what} {count:,}" for what, count in counts.items()), flush=True)


if __name__ == "__main__":
    main()
