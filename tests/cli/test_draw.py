import pytest

from tfsbir.cli import draw
from tfsbir.data import paired_folder
from tfsbir.errors import InputError


def test_the_folder_it_draws_is_one_to_train_on(tmp_path, capsys):
    output = tmp_path / "objects"
    assert draw.main([f"--output={output}", "--num_train=3", "--num_test=2"]) == 0
    assert "3 objects to train on, 2 to test on" in capsys.readouterr().out
    assert len(paired_folder(output, "train").sketches) == 3
    assert len(paired_folder(output, "test").photos) == 2


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="`--output` must be a new or an empty folder"):
        draw.main([f"--output={tmp_path}"])
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
