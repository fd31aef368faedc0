"""Encodes photos with Apache Beam, on many machines where they are too many for one.

    python -m tfsbir.pipelines.encode_photos --model=pretrained:category --photos=photos \\
        --output=vectors/shoes -- --direct_num_workers=4 --direct_running_mode=multi_processing
    tfsbir index --model=pretrained:category --vectors=vectors/shoes --gallery=shoes.gallery

What follows `--` are Beam's own options: --runner=FlinkRunner, SparkRunner or DataflowRunner, and theirs.
Without a runner, all is done on this machine. Embeddings are written to OUTPUT-00000-of-00008.parquet and so
on, photos that cannot be encoded to OUTPUT-00000-of-00008.skipped.jsonl with the reason, and
OUTPUT.vectors.json last, when all others are there. The same command writes the same files again.
"""

import contextlib
import dataclasses
import io
import os
import sys

from absl import flags

from tfsbir.cli.command import parse_flags, quiet_start
from tfsbir.command import fail
from tfsbir.errors import InputError

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "model",
    None,
    "Run directory or export with the encoder, at this path on every worker, or one that comes with tfsbir: "
    "pretrained:category, pretrained:shoes or pretrained:chairs.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "photos",
    None,
    "Text files with a photo's path on each line (the value ends in .txt), a pattern of photos (it has * or "
    "?; ** goes through folders), or a folder of photos. Also at addresses of Beam's file systems, such as "
    "gs://bucket/photos.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "photo_root",
    None,
    "Folder that relative paths in text files start from, and photos' ids; if not given, the folder of "
    "--photos.",
    flag_values=FLAGS,
)
flags.DEFINE_string("output", None, "What the paths of the written files begin with.", flag_values=FLAGS)
flags.DEFINE_integer("batch_size", 32, "Photos encoded at once.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer(
    "num_shards",
    8,
    "Number of files with embeddings. Each passes through one worker's memory, so it should get at most some "
    "100,000 photos.",
    lower_bound=1,
    upper_bound=99_999,
    flag_values=FLAGS,
)


def main(argv=None):
    """Runs the pipeline and returns its exit code.

    Args:
        argv: List of arguments without the program's name; None takes those of the process.
    """
    # TensorFlow reads this when it is imported, here and in worker processes.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        return _main(sys.argv[1:] if argv is None else argv)
    except (InputError, flags.Error) as error:
        return fail(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _main(argv):
    split = argv.index("--") if "--" in argv else len(argv)
    parse_flags(argv[:split], FLAGS, __doc__, required=("model", "photos", "output"))
    try:
        import apache_beam  # noqa: F401
    except ImportError:
        raise InputError('this needs Apache Beam, pip install "tfsbir[beam]"; it is not installed') from None
    from tfsbir.pipelines.photo_names import folder_of, is_address, photo_pattern
    from tfsbir.pipelines.vector_files import read_record, remove_vectors
    from tfsbir.retrieval import encoder_kind, open_encoder

    pipeline = empty_pipeline(argv[split + 1 :])
    encoder_kind(FLAGS.model)
    pattern = photo_pattern(FLAGS.photos)
    root = FLAGS.photo_root or folder_of(pattern)
    root = root if is_address(root) else os.path.abspath(root)
    prefix = check_output(FLAGS.output)
    with quiet_start():
        encoder = open_encoder(FLAGS.model)
    # A copy, which shows here that edges are found as in training, and leaves the forest out of the pipeline.
    _ = dataclasses.replace(encoder.preprocessing).photo_reader

    model = FLAGS.model if FLAGS.model.startswith("pretrained:") else os.path.abspath(FLAGS.model)
    encode(pipeline, encoder, model, pattern, root, prefix)
    remove_vectors(prefix)
    pipeline.run().wait_until_finish()
    record = read_record(prefix)
    if record is None:
        raise InputError(f"{prefix}: expected the pipeline to write its record; it ended without")
    print(
        f"{record['count']} photos in {prefix}-*.parquet, {record['num_skipped']} skipped "
        f"({prefix}-*.skipped.jsonl)"
    )
    if not record["count"]:
        raise InputError(f"{FLAGS.photos}: expected at least one readable photo; found none")
    return 0


def encode(pipeline, encoder, model, pattern, root, prefix):
    """Adds the steps to a pipeline; `encoder` is the `Encoder` that workers find at `model`."""
    import apache_beam as beam
    from apache_beam.ml.inference.base import RunInference

    from tfsbir.pipelines.photo_encoder import PhotoEncoder
    from tfsbir.pipelines.photo_names import SKIPPED, PhotoNames
    from tfsbir.pipelines.photo_reading import InFixedBatches, ReadPhotos
    from tfsbir.pipelines.vector_files import WriteVectors

    record = {**encoder.to_record(), "photo_root": root}
    names, no_names = pipeline | PhotoNames(pattern, root)
    photos = (
        names
        | InFixedBatches(FLAGS.batch_size, FLAGS.num_shards)
        | beam.ParDo(ReadPhotos(encoder.preprocessing)).with_outputs(SKIPPED, main="photos")
    )
    handler = PhotoEncoder(model, encoder.fingerprint).with_no_batching()
    results = photos["photos"] | RunInference(handler)
    skipped = (no_names, photos[SKIPPED]) | beam.Flatten()
    _ = (results, skipped) | WriteVectors(prefix, record, FLAGS.num_shards)


def empty_pipeline(argv):
    """Makes a `beam.Pipeline` of the arguments after `--`; `InputError` if Beam refuses them.

    The direct runner is the one inside Beam's Python package. Beam's own choice would first try Prism, a
    program that it downloads; `--runner=PrismRunner` has it.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

    if argv and not argv[0].startswith("--"):
        raise InputError(f"every argument after `--` must be an option of Beam. Received: {argv[0]}")
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            options = PipelineOptions(argv)
            known = options.get_all_options()
    except SystemExit:  # argparse's way, after its usage of some hundred lines.
        reason = printed.getvalue().strip().splitlines()[-1].partition("error: ")[2]
        raise InputError(f"the arguments after `--` must be options of Beam. Received: {reason}") from None
    standard = options.view_as(StandardOptions)
    if standard.runner in (None, "DirectRunner"):
        # Other runners have options of their own, which Beam passes on without knowing them.
        unknown = sorted(options.get_all_options(retain_unknown_options=True).keys() - known.keys())
        if unknown:
            raise InputError(f"the arguments after `--` must be options of Beam. Received: --{unknown[0]}")
        standard.runner = "FnApiRunner"
    try:
        return beam.Pipeline(options=options)
    except (ValueError, ImportError) as error:
        raise InputError(f"the arguments after `--` must be options of Beam. Received: {error}") from None


def check_output(output):
    """Returns `--output` with an absolute path; `InputError` if no files can be written there."""
    from tfsbir.pipelines.photo_names import is_address
    from tfsbir.pipelines.vector_files import read_record

    if output.endswith("/"):
        raise InputError(f"`--output` must end in a name that files' names begin with. Received: {output}")
    if not is_address(output):
        output = os.path.abspath(output)
        parent = os.path.dirname(output)
        while not os.path.exists(parent):
            parent = os.path.dirname(parent)
        if not os.path.isdir(parent) or not os.access(parent, os.W_OK | os.X_OK):
            raise InputError(f"`--output` must lie where files can be written; {parent} is no such folder")
    try:
        read_record(output)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"`--output` must lie where files can be written. Received: {output} ({error})"
        ) from None
    return output


if __name__ == "__main__":
    sys.exit(main())
