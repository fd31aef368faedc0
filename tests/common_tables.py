"""Recipes that train nothing, for the tables' tests."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Plain Python alone, since TensorFlow takes seconds to start.
FAKE = """
import json, os, signal, sys, time
from pathlib import Path


def main():
    given = {}
    for argument in sys.argv[1:]:
        name, text = argument[2:].split("=", 1)
        try:
            value = json.loads(text.replace("True", "true"))
        except ValueError:
            value = text
        if name in given:
            before = given[name] if isinstance(given[name], list) else [given[name]]
            value = [*before, value]
        given[name] = value
    recipe = Path(sys.argv[0]).stem
    workdir = Path(given["workdir"])
    with open("calls.txt", "a") as file:
        file.write(workdir.name + "\\n")
    if "weights" in given and given["weights"].count("_seed"):
        assert Path(given["weights"], "result.json").exists(), given["weights"]
    workdir.mkdir(parents=True, exist_ok=True)
    dataset = {"name": given.get("dataset", "synthetic"), "data_dir": given.get("data_dir")}
    config = {"recipe": recipe, "given_flags": given, "dataset": dataset, "versions": {"python": "3"}}
    (workdir / "config.json").write_text(json.dumps(config))
    sys.stderr.buffer.write("half\\rwhole…\\n".encode())
    sys.stderr.flush()
    if "hang" in given:
        (workdir / "pid").write_text(str(os.getpid()))
        time.sleep(300)
    if "kill" in given and not (workdir / "half").exists():
        (workdir / "half").write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    if "kill" in given:
        print("resumed")
    if "fail" in given:
        print("no luck")
        sys.exit(3)
    if "no_result" in given:
        return
    accuracy = (50 + given["seed"]) / 100
    result = {
        "recipe": recipe,
        "seed": given["seed"],
        "seconds": 600.0,
        "metrics": {"acc@1": accuracy, "triplet_accuracy": 0.7},
    }
    (workdir / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
"""


def fake_recipes(folder, names=("fake",)):
    """Writes a package `recipes` in which these modules take the place of the real ones, or join them."""
    package = folder / "recipes"
    package.mkdir()
    (package / "__init__.py").write_text(f"__path__.append({str(ROOT / 'recipes')!r})\n")
    for name in names:
        (package / f"{name}.py").write_text(FAKE, encoding="utf-8")
