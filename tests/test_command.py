"""How commands end that meet what is no bug of theirs."""

import pytest

from tests.common_processes import run_script

COMMAND = """
import errno
from tfsbir import command
def main(argv):
    {body}
command.run(main)
"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "open('/no/such/folder/file')",
            "/no/such/folder/file: expected to be read or written; No such file",
        ),
        ("open('/dev/full', 'ab', 0).write(b'1')", "a file: expected to be read or written; No space left"),
    ],
)
def test_what_a_disk_is_to_blame_for_is_one_line(body, message):
    done = run_script(COMMAND.format(body=body))
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ") and message in line
    assert "Traceback" not in done.stderr


def test_other_errors_of_the_system_keep_their_traceback():
    done = run_script(COMMAND.format(body="raise OSError(errno.EINVAL, 'a bug')"))
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "a bug" in done.stderr
