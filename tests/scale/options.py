"""Whether a training takes what saves memory and time."""

import math

from tests.common_recipes import losses, run

OPTIONS = (
    "--precision=mixed_float16 --accumulate=2 --clip_norm=1 --schedule=step --decay_every=1",
    "--precision=mixed_bfloat16 --jit",
    "--jit --accumulate=2",
)


def train_with_options(case, world, folder):
    """Trains a case for five steps with each of `OPTIONS`; returns the last loss by them."""
    found = {}
    for number, options in enumerate(OPTIONS):
        workdir = folder / f"options-{number}"
        flags = ("--steps=5", "--batch_size=4", "--eval_every=3", "--checkpoint_every=9")
        done = run(case.command(world, workdir, *flags, *options.split()))
        assert done.returncode == 0, done.stderr
        found[options] = losses(workdir)[-1]
        assert math.isfinite(found[options])
    return found
