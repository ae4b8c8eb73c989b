"""`python -m tests.chaos`: a long run, for `make chaos`. Ends with one line of JSON."""

import argparse
import json
import sys
from functools import partial
from typing import get_args

import msgspec
import trio

from tests.chaos.run import Target, run_chaos


def main() -> int:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how often (default 50)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments and the load")
    parser.add_argument(
        "--kill", choices=get_args(Target), default="switch", help="who gets SIGKILL, or when"
    )
    parser.add_argument("--shards", type=int, default=1, help="of the switch (default 1)")
    arguments = parser.parse_args()
    if arguments.kills < 1:
        parser.error("--kills: at least 1")
    run = partial(
        run_chaos,
        kills=arguments.kills,
        seed=arguments.seed,
        target=arguments.kill,
        shards=arguments.shards,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    verdict, findings = trio.run(run)
    for finding in findings:
        print(f"wrong: {finding}", file=sys.stderr)
    print(json.dumps(msgspec.structs.asdict(verdict)))
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(main())
