"""Draws sketches and photos of invented objects into a folder to train on.

    tfsbir draw --output=objects
    tfsbir data --dataset=paired_folder --data_dir=objects

Writes OUTPUT/train and OUTPUT/test with sketches/ID.png, photos/ID.png and photo_attributes.csv, the layout
of paired_folder, so that everything can be tried with nothing downloaded; and the sketches' strokes as
strokes/ID.svg. The same seed draws the same objects.
"""

import sys
from pathlib import Path

from absl import flags

from tfsbir.cli.command import parse_flags, quiet_start
from tfsbir.errors import InputError

FLAGS = flags.FlagValues()
flags.DEFINE_string("output", None, "Folder to make; it must be new or empty.", flag_values=FLAGS)
flags.DEFINE_integer("num_train", 300, "Objects to train on.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("num_test", 100, "Other objects to test on.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("seed", 0, "Which objects.", lower_bound=0, flag_values=FLAGS)


def main(argv):
    """Runs `tfsbir draw` and returns its exit code."""
    parse_flags(argv, FLAGS, __doc__, required=("output",))
    output = Path(FLAGS.output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"`--output` must be a new or an empty folder. Received: {output}")
    with quiet_start():
        from tfsbir.data import synthetic_folder
    synthetic_folder(output, FLAGS.num_train, FLAGS.num_test, FLAGS.seed)
    sys.stdout.write(f"{output}: {FLAGS.num_train} objects to train on, {FLAGS.num_test} to test on\n")
    return 0
