"""What matched: attributes, metadata and attention, on the page of a run that only the server can run."""

import keras
import numpy as np
import pytest

from tests.web.page.on_page import STROKES, after, draw, names, opened, sent_queries
from tests.web.page.serve_process import serving
from tfsbir.models import attended_encoder
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval import Gallery, Photo, open_encoder
from tfsbir.runs import RunDirectory

ATTRIBUTES = ("heel", "lace", "strap")
SIZE, CANVAS, DIM = 192, 256, 8


def write_explained_run(path):
    """Writes a run directory with an untrained encoder with attention, which predicts attributes."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    image = keras.Input((SIZE, SIZE, 1), name="image")
    feature_map = layers.Conv2D(4, 16, strides=16, name="map")(image)
    features = layers.Flatten()(feature_map)
    embedding = layers.UnitNormalization()(layers.Dense(DIM)(features))
    steep = keras.initializers.RandomNormal(0, 0.5)
    probabilities = layers.Dense(len(ATTRIBUTES), "sigmoid", kernel_initializer=steep)(
        layers.LayerNormalization()(features)
    )
    encoder = keras.Model(image, layers.Concatenate()([embedding, probabilities]))
    # So small a scale that an untrained one prefers some places.
    attended = attended_encoder(encoder, "map", fusion=False, hidden_channels=8, feature_scale=0.01)
    preprocessing = Preprocessing(SIZE, DIM + len(ATTRIBUTES), "edges", attributes=ATTRIBUTES)
    RunDirectory(path).save_encoders(attended, attended, preprocessing)


@pytest.fixture(scope="module")
def explained(run, tmp_path_factory):
    """A server of its gallery, whose photos have metadata."""
    folder = tmp_path_factory.mktemp("explained")
    write_explained_run(folder / "run")
    root = run.path.parent / "data" / "train" / "edges"
    gallery = Gallery.create(folder / "gallery", open_encoder(folder / "run"), root)
    gallery.add([Photo(path.name, path, {"color": "red", "price": 5}) for path in sorted(root.glob("*.png"))])
    gallery.save()
    with serving(folder / "gallery") as server:
        yield server


def test_attributes_are_compared_and_choose(new_page, explained):
    page = opened(new_page, explained)
    assert "The server has no encoder for the page." in page.text_content("#where")
    found = draw(page, STROKES)
    for place, result in enumerate(found["results"]):
        labels = page.locator(f"#found li:nth-child({place + 1}) .label").all_text_contents()
        shared = [f"✓ {entry['attribute']}" for entry in result["shared"]]
        differing = [f"≠ {entry['attribute']}" for entry in result["differing"]]
        assert labels == shared + differing
        assert all(min(entry["sketch"], entry["photo"]) >= 0.5 for entry in result["shared"])
    assert any(result["shared"] or result["differing"] for result in found["results"])

    page.click("#filters summary")
    choices = page.locator("#filters .choices button")
    assert choices.all_text_contents() == ["heel", "lace", "strap"]
    queries = sent_queries(page)
    chosen = []
    for wanted in ({"with_attributes": ["lace"]}, {"without_attributes": ["lace"]}, {}):
        chosen.append(after(page, lambda: choices.nth(1).click()))
        sent = {name: queries[-1][name] for name in ("with_attributes", "without_attributes")}
        assert sent == {"with_attributes": [], "without_attributes": [], **wanted}
    with_it, without_it, any_of_them = (set(names(one)) for one in chosen)
    assert not with_it & without_it
    assert names(chosen[2]) == names(found)
    assert with_it or without_it
    assert any_of_them


def test_metadata_is_shown(new_page, explained):
    page = opened(new_page, explained)
    draw(page, STROKES)
    assert page.text_content("#found li:first-child .more") == "color: red, price: 5"
    page.click("#found li:first-child .card")
    assert page.locator("dialog dt").all_text_contents() == ["file", "color", "price"]
    assert page.locator("dialog dd").all_text_contents()[1:] == ["red", "5"]


def test_where_the_encoder_looked_is_shown(new_page, explained):
    page = opened(new_page, explained)
    draw(page, STROKES)
    overlays = page.locator("#found canvas:visible")
    assert overlays.count() == 0
    queries = sent_queries(page)
    answers = []
    page.on("response", lambda response: answers.append(response) if "/search" in response.url else None)
    found = after(page, lambda: page.click("#attention"))
    assert queries[-1]["explain"]
    assert "strokes" in queries[-1]
    assert overlays.count() == 12
    attention = np.array(found["results"][0]["attention"])
    place = strongest(page, "#found canvas")
    # The encoder saw the middle of the photo.
    assert np.abs(place - seen_place(attention, np.array([0.5, 0.5]), 1)).max() < 1 / len(attention)

    attention = np.array(answers[-1].json()["sketch_attention"])
    points = np.concatenate(STROKES)
    low, high = points.min(axis=0), points.max(axis=0)
    canvas_side = (high - low).max() * 256 / (256 - 2 * 16)
    expected = seen_place(attention, (low + high) / 2, canvas_side)
    assert np.abs(strongest(page, "#sketch-attention") - expected).max() < 1 / len(attention)

    after(page, lambda: page.click("#attention"))
    assert overlays.count() == 0
    assert page.locator("#sketch-attention").is_hidden()


def strongest(page, selector):
    """Returns where a canvas has most colour, as `(x, y)` in shares of it."""
    return np.array(
        page.evaluate(
            """(selector) => {
                const { width, height } = document.querySelector(selector);
                const context = document.querySelector(selector).getContext("2d");
                const { data } = context.getImageData(0, 0, width, height);
                let best = 3;
                for (let place = 3; place < data.length; place += 4) {
                    if (data[place] > data[best]) best = place;
                }
                return [((best >> 2) % width) / width, Math.floor((best >> 2) / width) / height];
            }""",
            selector,
        )
    )


def seen_place(attention, center, canvas_side):
    """Returns where the middle of a map's strongest cell lies around the `center` of a canvas."""
    row, column = np.unravel_index(np.argmax(attention), attention.shape)
    share = (np.array([column, row]) + 0.5) / len(attention) - 0.5
    return center + share * canvas_side * SIZE / CANVAS
