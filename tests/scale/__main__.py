"""Trains every recipe on several replicas, in several processes and under `kill -9`; see --help."""

import random
import sys
import tempfile
import time
from pathlib import Path

from absl import flags

from tests.scale.cases import CASES, EACH_RECIPE
from tests.scale.kills import kill_again_and_again
from tests.scale.options import train_with_options
from tests.scale.replicas import TOLERANCE, compare_replicas, compare_workers
from tests.scale.table import CURVES
from tests.scale.world import make_world
from tfsbir import command, files
from tfsbir.errors import InputError

FLAGS = flags.FLAGS
CHECKS = ("replicas", "workers", "options", "kills")

flags.DEFINE_multi_enum(
    "check",
    CHECKS,
    CHECKS,
    "What to check: 1, 2 and 4 replicas; two processes; 16 bits, parts and XLA; kills.",
)
flags.DEFINE_string("output", "results/scale_and_survival.json", "Where the JSON goes.")
flags.DEFINE_integer("kills", 20, "Kills of each recipe.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Seed of the moments of the kills.", lower_bound=0)
flags.DEFINE_multi_string("case", None, "Only these of the cases, by name; by default all.")


def main(_):
    unknown = set(FLAGS.case or ()) - set(CASES)
    if unknown:
        raise InputError(f"`case` must be one of {', '.join(CASES)}. Received: {', '.join(unknown)}")
    begun, found = time.monotonic(), {}
    with tempfile.TemporaryDirectory() as root:
        world = Path(root) / "world"
        world.mkdir()
        make_world(world)
        for number, (name, case) in enumerate(CASES.items()):
            if FLAGS.case and name not in FLAGS.case:
                continue
            folder = Path(root) / str(number)
            of_case = found[name] = {}
            if "replicas" in FLAGS.check:
                for count, difference in compare_replicas(case, world, folder).items():
                    of_case[f"{count} replicas"] = difference
            if name in EACH_RECIPE and "workers" in FLAGS.check:
                of_case["2 processes"] = compare_workers(case, world, folder)
            if name in EACH_RECIPE and "options" in FLAGS.check:
                of_case["options"] = train_with_options(case, world, folder)
            if name in EACH_RECIPE and "kills" in FLAGS.check:
                of_case["kills"] = kill_again_and_again(
                    case, world, folder, FLAGS.kills, random.Random(f"{FLAGS.seed} {name}")
                )
            sys.stdout.write(f"{name}: {of_case} ({time.monotonic() - begun:.0f} s)\n")
            sys.stdout.flush()
    files.write_json(FLAGS.output, {"seed": FLAGS.seed, "tolerance": TOLERANCE, "cases": found})
    return 0 if all(map(is_good, found.values())) else 1


def is_good(of_case):
    """Returns whether all of a case is as it should be."""
    kills = of_case.get("kills", {"equal": 0, "runs": 0})
    curves = (of_case[name][0] for name in CURVES if name in of_case)
    return all(difference <= TOLERANCE for difference in curves) and kills["equal"] == kills["runs"]


if __name__ == "__main__":
    command.run(main)
