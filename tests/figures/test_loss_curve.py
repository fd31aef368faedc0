import numpy as np
import pytest
from PIL import Image

from tfsbir.figures import loss_curve


def test_the_curve_and_the_evaluations_are_drawn(tmp_path):
    lines = [{"step": step, "train/loss": 1 / step} for step in range(1, 50)]
    loss_curve(lines, tmp_path / "without.png")
    loss_curve(
        [*lines, {"step": 20, "test/acc@1": 0.4}, {"step": 40, "test/acc@1": 0.6}], tmp_path / "with.png"
    )
    without, with_evaluations = (
        np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("without", "with")
    )
    assert with_evaluations.shape[0] > 1.5 * without.shape[0]
    assert (without < 128).any()


def test_of_all_conventions_one_is_drawn(tmp_path):
    lines = [{"step": step, "train/loss": 1 / step} for step in range(1, 50)]
    drawn = {"test/mAP@all": 0.3, "test/precision@1": 0.6, "test/mid_grain_mAP@all": 0.4}
    others = ("mAP@all/voc", "mAP@200/found", "mAP@100/R", "precision@100", "precision@200/min")
    loss_curve([*lines, {"step": 49, **drawn}], tmp_path / "few.png")
    loss_curve(
        [*lines, {"step": 49, **drawn, **{f"test/{name}": 0.9 for name in others}}], tmp_path / "all.png"
    )
    few, every = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("few", "all"))
    np.testing.assert_array_equal(few, every)


def test_a_run_without_a_loss_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`lines` must hold a `train/loss`"):
        loss_curve([{"step": 1, "test/acc@1": 0.5}], tmp_path / "curve.png")
    assert not list(tmp_path.iterdir())
