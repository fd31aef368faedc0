"""Searches over HTTP find what the gallery finds, choose as it chooses, and say what matched."""

import base64
import concurrent.futures
import io

import numpy as np
import pytest
from PIL import Image

from tests.web.conftest import NAMES, NUM_PHOTOS, client_of
from tfsbir.models import attended_encoder, attention_maps, sketch_a_net
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval import Gallery, open_encoder
from tfsbir.runs import RunDirectory

STROKES = [[[0, 0], [40, 50], [10, 44]], [[22, 20], [30, 31], [25, 26]]]


def search(client, **request):
    answer = client.post("/search", json=request)
    assert answer.status_code == 200, answer.text
    return answer.json()


def drawn_png(work):
    image = work.encoder.draw_sketch([np.array(stroke) for stroke in STROKES])
    canvas = np.full((256, 256), 255, np.uint8)
    canvas[96:160, 96:160] = np.rint((image[..., 0] + 1) * 127.5)
    png = io.BytesIO()
    Image.fromarray(canvas).save(png, "PNG")
    return png.getvalue()


def test_strokes_image_and_vector_find_what_the_gallery_finds(client, work):
    gallery = Gallery.open(work.gallery, work.encoder)
    vector = gallery.encode_query(strokes=[np.array(stroke) for stroke in STROKES])
    expected = gallery.find(vector, k=5)
    for query, place in (
        ({"strokes": STROKES}, "server"),
        ({"image": base64.b64encode(drawn_png(work)).decode()}, "server"),
        ({"vector": vector.tolist()}, "device"),
    ):
        answer = search(client, **query, k=5)
        assert [result["photo_id"] for result in answer["results"]] == [
            one.photo.photo_id for one in expected
        ]
        distances = [result["distance"] for result in answer["results"]]
        np.testing.assert_allclose(distances, [one.distance for one in expected], atol=1e-5)
        assert [result["rank"] for result in answer["results"]] == [1, 2, 3, 4, 5]
        assert (answer["encoded_on"], answer["num_photos"]) == (place, NUM_PHOTOS)
        first = answer["results"][0]
        assert first["metadata"] == expected[0].photo.metadata
        assert (first["shared"], first["differing"], first["attention"]) == ([], [], None)
        assert first["photo_url"] == "/photos/" + first["photo_id"].replace(" ", "%20")
        assert client.get(first["photo_url"]).status_code == 200


def test_photos_are_chosen_by_metadata_and_attributes(client, work):
    gallery = Gallery.open(work.gallery, work.encoder)
    where = {"price": {"min": 3, "max": 20}, "brand": ["acme", "ajax"]}
    answer = search(client, strokes=STROKES, k=100, where=where, with_attributes=["strap"])
    among = gallery.choose(where, ["strap"])
    assert answer["num_photos"] == len(answer["results"]) == among.sum() > 0
    chosen = {photo.photo_id for photo in gallery.photos(np.flatnonzero(among))}
    assert {result["photo_id"] for result in answer["results"]} == chosen
    answer = search(client, strokes=STROKES, with_attributes=["strap"], without_attributes=["strap"])
    assert (answer["num_photos"], answer["results"]) == (0, [])


def test_what_matched_is_said(client, work):
    vector = work.encoder.encode_sketches(work.encoder.draw_sketch(STROKES)[None])[0]
    for query in ({"strokes": STROKES}, {"vector": vector.tolist()}):
        for result in search(client, **query, k=NUM_PHOTOS, explain=True)["results"]:
            named = {one["attribute"]: one for one in (*result["shared"], *result["differing"])}
            photo = work.encoder.encode_photos(
                work.encoder.preprocessing.read_photo(work.path / "photos" / result["photo_id"])[None]
            )
            in_photo = work.encoder.attribute_probabilities(photo)[0]
            in_sketch = work.encoder.attribute_probabilities(vector[None])[0]
            for name, sketch, one in zip(NAMES, in_sketch, in_photo, strict=True):
                assert (name in named) == (max(sketch, one) >= 0.5)
                if name in named:
                    assert named[name]["sketch"] == pytest.approx(sketch, abs=1e-3)
                    assert named[name]["photo"] == pytest.approx(one, abs=1e-3)
                    assert (named[name] in result["shared"]) == (min(sketch, one) >= 0.5)


def test_where_the_encoder_looks_is_said(work, tmp_path):
    base = sketch_a_net(embedding_dim=8)
    encoder = attended_encoder(base, after="pool5")
    run = RunDirectory(tmp_path / "run")
    preprocessing = Preprocessing(225, encoder.output_shape[-1])
    run.save_encoders(encoder, encoder, preprocessing, distance=None)
    photos = sorted((work.path / "photos" / "a b").iterdir())[:4]
    opened = open_encoder(run.path)
    Gallery.build(opened, photos, tmp_path / "gallery", progress=False)
    with client_of(tmp_path / "gallery", opened) as client:
        assert client.get("/gallery").json()["explains"] == {"attributes": False, "attention": True}
        answer = search(client, strokes=STROKES, k=4, explain=True)
        maps = attention_maps(encoder)
        for path, result in zip(
            photos, sorted(answer["results"], key=lambda one: one["photo_id"]), strict=True
        ):
            expected = np.asarray(maps(preprocessing.read_photo(path)[None]))[0]
            np.testing.assert_allclose(result["attention"], expected, atol=1e-5)
        expected = np.asarray(maps(opened.draw_sketch(STROKES)[None]))[0]
        np.testing.assert_allclose(answer["sketch_attention"], expected, atol=1e-5)
        vector = opened.encode_sketches(opened.draw_sketch(STROKES)[None])[0]
        assert search(client, vector=vector.tolist(), explain=True)["sketch_attention"] is None
        assert search(client, strokes=STROKES)["results"][0]["attention"] is None


def test_sketches_of_the_same_time_are_encoded_together(work):
    random = np.random.default_rng(0)
    drawings = [random.uniform(0, 1, (1, 9, 2)).tolist() for _ in range(40)]
    with client_of(work.gallery, work.encoder, batch_wait_ms=50, max_batch=8) as client:
        with concurrent.futures.ThreadPoolExecutor(40) as threads:
            together = list(threads.map(lambda strokes: search(client, strokes=strokes, k=3), drawings))
        batches = client.measures.registry.get_sample_value
        assert batches("tfsbir_batch_sketches_sum") == 40
        assert 5 <= batches("tfsbir_batch_sketches_count") < 20
        for strokes, found in zip(drawings, together, strict=True):
            alone = search(client, strokes=strokes, k=3)["results"]
            assert [one["photo_id"] for one in alone] == [one["photo_id"] for one in found["results"]]
            np.testing.assert_allclose(
                [one["distance"] for one in alone], [one["distance"] for one in found["results"]], atol=1e-5
            )


def test_the_facts_are_those_of_the_gallery(client, work):
    facts = client.get("/gallery").json()
    assert (facts["num_photos"], facts["dim"]) == (NUM_PHOTOS, work.encoder.preprocessing.embedding_dim)
    assert facts["attributes"] == list(NAMES)
    assert facts["fingerprint"] == work.encoder.fingerprint and facts["teacher"] is None
    assert (facts["image_size"], facts["canvas_size"], facts["encoder_on_device"]) == (64, 256, False)
    assert facts["limits"]["max_k"] == 200
