"""`python -m tests.chaos`: rounds of faults against a real installation; the first violation ends it with code 1."""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from activities.exits import leave_after
from tests.chaos.rig import Rig
from tests.chaos.round import Round
from tests.chaos.script import script_of


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--seed", type=int, help="of the first round; each further one has the next (default: any)"
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--script", action="store_true", help="only show what would be done")
    parser.add_argument("--keep-going", action="store_true", help="go on after a violation")
    parser.add_argument("--timeline", action="store_true", help="show what happened in every round")
    arguments = parser.parse_args()
    seed = random.randrange(1_000_000) if arguments.seed is None else arguments.seed
    seeds = range(seed, seed + arguments.rounds)
    if arguments.script:
        say("\n\n".join(str(script_of(one)) for one in seeds))
        return 0
    say(f"chaos from seed {seed}, {arguments.rounds} rounds")
    return asyncio.run(play(seeds, keep_going=arguments.keep_going, timeline=arguments.timeline))


async def play(seeds: range, *, keep_going: bool = False, timeline: bool = False) -> int:
    """Play the rounds of these seeds; 1 where an invariant was violated."""
    directory = Path(tempfile.mkdtemp(prefix="argosy-chaos-"))
    rig, violated = Rig(directory), 0
    try:
        await rig.start(say)
        for seed in seeds:
            began = time.monotonic()
            outcome = await Round(rig, script_of(seed)).play()
            took = time.monotonic() - began
            head = f"seed {seed}: {outcome.script.scenario}"
            if outcome.wrong:
                violated += 1
                say(f"{outcome}\n{head}: VIOLATED after {took:.0f} s\nagain: make chaos SEED={seed} ROUNDS=1")
                if not keep_going:
                    break
            else:
                if timeline:
                    say(str(outcome))
                say(f"{head}: held; settled {outcome.settled:.1f} s after healing, {took:.0f} s in all")
    finally:
        rig.stop()
    if violated:
        say(f"{violated} violated; logs are in {directory}")
        return 1
    shutil.rmtree(directory)
    return 0


def say(line: str) -> None:
    """Print at once, also where the output is a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    leave_after(main)
