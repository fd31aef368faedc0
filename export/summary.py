"""Writes the tables of several reports into a page of the documentation.

    python -m export.summary --docs=docs/on_device.md --reports=results/on_device_shoes.json,...

What stands in the page between the markers of the generated part `on_device` (`tfsbir.generated_part`) is
replaced by a heading and a table for each report of `export.report`, so that no number is typed. A report is
called after its file.
"""

import json
from pathlib import Path

from absl import flags

from export import common, report
from tfsbir import command
from tfsbir.errors import InputError
from tfsbir.generated_part import write_part

PART = "on_device"


def write_summary(docs, reports):
    """Replaces the generated part of the page `docs` by the tables of `reports`, paths of JSON files.

    Raises: `InputError` if the page has no such part, or a report cannot be read; the page is then as it was.
    """
    write_part(docs, PART, "\n".join(line for path in reports for line in section(path)))


def section(path):
    """Returns the lines of one report: heading, what it was measured on, table."""
    try:
        measured = json.loads(Path(path).read_text(encoding="utf-8"))
        on = (
            f"{measured['run']['recipe']}, on `{measured['dataset']}`, {measured['split']}: "
            f"{measured['num_sketches']} sketches, {measured['num_photos']} photos."
        )
        return [f"### {Path(path).stem.removeprefix(PART + '_')}", "", on, "", *report.table(measured), ""]
    except OSError as error:
        raise InputError(f"{path}: expected a report of export.report; {error.strerror.lower()}") from None
    except (ValueError, KeyError, TypeError, IndexError):
        raise InputError(f"{path}: expected a report of export.report; found something else") from None


def main(argv):
    """Runs the command with the flags that absl has parsed."""
    common.check_arguments(argv)
    write_summary(flags.FLAGS.docs, flags.FLAGS.reports)


if __name__ == "__main__":
    flags.DEFINE_string("docs", None, "The page.", required=True)
    flags.DEFINE_list("reports", None, "Files that export.report wrote, separated by commas.", required=True)
    command.run(main)
