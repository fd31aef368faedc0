"""Answers requests as TensorFlow Serving's REST interface does, with nothing but TensorFlow and a SavedModel.

    python serve_alone.py MODEL REQUESTS.json ANSWERS.json

Requests are a JSON list of the bodies that a client would send to `:predict`.
"""

import base64
import json
import sys

# Out of reach, as on a server.
sys.modules.update(dict.fromkeys(("tfsbir", "export", "keras", "PIL", "cv2")))

import tensorflow as tf  # noqa: E402


def answer(model, body):
    signature = model.signatures[body.get("signature_name", "serving_default")]
    specs = signature.structured_input_signature[1]
    try:
        tensors = signature(**{name: tf.constant(value) for name, value in inputs(body, specs).items()})
    except tf.errors.InvalidArgumentError as error:
        return {"error": error.message}
    found = {name: tensor.numpy().tolist() for name, tensor in tensors.items()}
    if "inputs" in body:
        return {"outputs": next(iter(found.values())) if len(found) == 1 else found}
    if len(found) == 1:
        return {"predictions": next(iter(found.values()))}
    rows = zip(*found.values(), strict=True)
    return {"predictions": [dict(zip(found, row, strict=True)) for row in rows]}


def inputs(body, specs):
    """Returns the named inputs of a body in row format ("instances") or in columnar format ("inputs")."""
    if "inputs" in body:
        given = body["inputs"] if isinstance(body["inputs"], dict) else {next(iter(specs)): body["inputs"]}
    elif isinstance(body["instances"][0], dict) and "b64" not in body["instances"][0]:
        given = {name: [instance[name] for instance in body["instances"]] for name in specs}
    else:
        given = {next(iter(specs)): body["instances"]}
    return {name: decoded(value) for name, value in given.items()}


def decoded(value):
    if isinstance(value, dict):
        return base64.b64decode(value["b64"], validate=True)
    return [decoded(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    model_path, requests_path, answers_path = sys.argv[1:]
    model = tf.saved_model.load(model_path)
    with open(requests_path, encoding="utf-8") as file:
        bodies = json.load(file)
    with open(answers_path, "w", encoding="utf-8") as file:
        json.dump([answer(model, body) for body in bodies], file)
