"""Worker processes: others than this one, without TensorFlow."""

import os
import signal
import subprocess
import sys

import pytest

from tfsbir.data.worker_pool import worker_pool

PROGRAM = """
import tensorflow
from tfsbir.data.making_images import make_images
from tfsbir.data.worker_pool import worker_pool

with worker_pool(1) as pool:
    pool.submit(make_images, [0]).result()
    print(pool.submit(eval, "'tensorflow' in __import__('sys').modules").result())
"""


def test_none_is_none():
    assert worker_pool(0) is None
    with pytest.raises(ValueError, match=r"`num_workers` must be >= 0. Received: -1"):
        worker_pool(-1)


def test_work_is_done_elsewhere():
    with worker_pool(2) as pool:
        assert os.getpid() not in {pool.submit(os.getpid).result() for _ in range(8)}


def test_workers_of_a_program_with_tensorflow_have_none(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stdout == "False\n", done.stderr


def test_workers_leave_sigterm_to_the_program():
    """A scheduler sends it to all processes of a program; the program is to end as it sees fit."""
    with worker_pool(1) as pool:
        worker = pool.submit(os.getpid).result()
        os.kill(worker, signal.SIGTERM)
        assert pool.submit(os.getpid).result() == worker
