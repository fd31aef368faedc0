"""The flags that name tables of attributes."""

import dataclasses
import json
import types

import numpy as np
import pytest

from recipes.common import attributes
from tests.common_data import small_split
from tests.common_processes import run_script
from tfsbir.errors import InputError


@pytest.fixture
def flag_values(monkeypatch):
    """What the flags say; those of this process belong to all tests."""
    values = types.SimpleNamespace(
        photo_attributes=None, sketch_attributes=None, sketches_take_photos=False, attributes_from=None
    )
    monkeypatch.setattr(attributes, "FLAGS", values)
    return values


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("file,laces\np0.png,1\np1.png,0\n")
    return path


def test_a_split_keeps_its_own(flag_values):
    split = dataclasses.replace(
        small_split(), attribute_names=("heel",), photo_attributes=np.ones((6, 1), np.int8)
    )
    given = attributes.apply_attribute_flags(split)
    assert given.attribute_names == ("heel",)
    assert given.photo_attributes is split.photo_attributes
    assert given.sketch_attributes is None
    assert given.fingerprint == split.fingerprint
    flag_values.sketches_take_photos = True
    assert np.all(attributes.apply_attribute_flags(split).sketch_attributes == 1)


def test_a_table_goes_before(flag_values, table):
    split = dataclasses.replace(
        small_split(), attribute_names=("heel",), photo_attributes=np.ones((6, 1), np.int8)
    )
    flag_values.photo_attributes = str(table)
    given = attributes.apply_attribute_flags(split)
    assert given.attribute_names == ("laces",)
    assert given.photo_attributes[:, 0].tolist() == [1, 0, -1, -1, -1, -1]


def test_a_set_without_attributes_needs_a_table(flag_values):
    message = (
        r"`photo_attributes` or `sketch_attributes` must name a table, or `attributes_from` a run, since "
        r"small has no attributes of its own\. Received: none of them"
    )
    with pytest.raises(InputError, match=message):
        attributes.apply_attribute_flags(small_split())
    flag_values.attributes_from, flag_values.photo_attributes = "run", "table.csv"
    with pytest.raises(
        InputError, match=r"`attributes_from` is in place of .*\. Received: run and one of these"
    ):
        attributes.apply_attribute_flags(small_split())
    flag_values.attributes_from = flag_values.photo_attributes = None
    flag_values.sketches_take_photos = True
    with pytest.raises(InputError, match=r"`sketches_take_photos` needs attributes of photos\."):
        attributes.apply_attribute_flags(small_split())


def test_flags_as_a_recipe_declares_them(table):
    """In a process of its own, since flags are declared once in each."""
    program = (
        "import json, sys\n"
        "from absl import flags\n"
        "from recipes.common import attributes\n"
        "from tests.common_data import small_split\n"
        "attributes.define_attribute_flags()\n"
        "flags.FLAGS(sys.argv)\n"
        "split = attributes.apply_attribute_flags(small_split())\n"
        "print(json.dumps([split.attribute_names, split.photo_attributes.tolist(),\n"
        "                  split.sketch_attributes.tolist()]))\n"
    )
    sketches = table.with_name("sketches.csv")
    sketches.write_text("file,laces\ns0.png,0\ns11.png,1\n")
    given = (f"--photo_attributes={table}", f"--sketch_attributes={sketches}", "--sketches_take_photos")
    done = run_script(program, *given)
    assert done.returncode == 0, done.stderr
    names, photos, sketch_values = json.loads(done.stdout)
    assert names == ["laces"]
    assert [row[0] for row in photos] == [1, 0, -1, -1, -1, -1]
    # Two sketches a photo: s0 and s11 have a row, s1 to s3 take their photos'.
    assert [row[0] for row in sketch_values] == [0, 1, 0, 0, *[-1] * 7, 1]
