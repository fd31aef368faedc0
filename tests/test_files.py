import json
import os
from pathlib import Path

import pytest

from tfsbir import files


def test_a_write_replaces_the_whole_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "value.json"
    files.write_json(path, {"a": 1})
    files.write_json(path, {"b": [2]})
    assert json.loads(path.read_text()) == {"b": [2]}
    assert [p.name for p in tmp_path.iterdir()] == ["value.json"]


def test_a_write_that_fails_keeps_the_old_file(tmp_path):
    path = tmp_path / "value.json"
    files.write_text(path, "old")
    with pytest.raises(TypeError):
        files.write_bytes(path, "not bytes")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["value.json"]


def test_a_signal_that_comes_when_a_file_is_there_is_not_hidden(tmp_path, monkeypatch):
    replace = os.replace

    def replace_and_be_told(*paths):
        replace(*paths)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replace_and_be_told)
    with pytest.raises(KeyboardInterrupt):
        files.write_text(tmp_path / "a.txt", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_json_has_no_infinities(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        files.write_json(tmp_path / "value.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_lines_are_appended(tmp_path):
    for value in (1, 2):
        files.append_json_line(tmp_path / "lines.jsonl", {"value": value})
    assert (tmp_path / "lines.jsonl").read_text() == '{"value": 1}\n{"value": 2}\n'


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "deep" / "folder"
    for name in ("first", "second"):
        with files.replacing_folder(target) as folder:
            (folder / name).write_text(name)
    assert [p.name for p in target.iterdir()] == ["second"]
    assert [p.name for p in target.parent.iterdir()] == ["folder"]


def test_a_folder_that_fails_leaves_the_old_one(tmp_path):
    target = tmp_path / "folder"
    with files.replacing_folder(target) as folder:
        (folder / "old").write_text("old")
    with pytest.raises(RuntimeError, match="half way"), files.replacing_folder(target) as folder:
        (folder / "new").write_text("new")
        raise RuntimeError("half way")
    assert [p.name for p in target.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(tmp_path, monkeypatch):
    target = tmp_path / "folder"
    with files.replacing_folder(target) as folder:
        (folder / "old").write_text("old")
    rename = os.rename

    def fail_for_the_new_one(source, destination):
        if Path(destination) == target and (Path(source) / "new").exists():
            raise OSError("disk full")
        rename(source, destination)

    monkeypatch.setattr(os, "rename", fail_for_the_new_one)
    with pytest.raises(OSError, match="disk full"), files.replacing_folder(target) as folder:
        (folder / "new").write_text("new")
    assert [p.name for p in target.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_ordinary_permissions(tmp_path):
    files.write_text(tmp_path / "text", "x")
    (tmp_path / "plain").write_text("x")
    assert (tmp_path / "text").stat().st_mode == (tmp_path / "plain").stat().st_mode
