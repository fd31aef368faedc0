"""Recipes that train nothing, and many commands in one process, for the tables' tests."""

import json

from tests.common_processes import ROOT, run_script

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
    if recipe == "evaluate":
        measured = json.loads((workdir / "result.json").read_text())
        with open("calls.txt", "a") as file:
            file.write(f"{workdir.name}:{given['dataset']}:{'distractors_dir' in given}\\n")
        print("measuring", file=sys.stderr)
        if "fail" in given:
            sys.exit(3)
        mean = (40 + measured["seed"]) / 100
        print(json.dumps({"recipe": "trained", "metrics": {"mAP@all": mean, "mid_grain_mAP@all": mean / 2}}))
        return
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
    ranked = {"mAP@all": accuracy} if recipe == "manifold_alignment" else {}
    result = {
        "recipe": recipe,
        "seed": given["seed"],
        "seconds": 600.0,
        "metrics": {"acc@1": accuracy, "triplet_accuracy": 0.7, **ranked},
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


def run_each(module, cwd, commands):
    """Returns what each of several commands of one module prints, or its error."""
    script = (
        "import contextlib, importlib, io, json, sys\n"
        "from absl import flags\n"
        "from tfsbir.errors import InputError\n"
        "module = importlib.import_module(sys.argv[1])\n"
        "printed = []\n"
        "for arguments in json.loads(sys.argv[2]):\n"
        "    flags.FLAGS.unparse_flags()\n"
        "    flags.FLAGS(['tables', *arguments])\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as stdout:\n"
        "        try:\n"
        "            module.main(None)\n"
        "        except InputError as error:\n"
        "            print(error)\n"
        "    printed.append(stdout.getvalue())\n"
        "json.dump(printed, sys.stdout)\n"
    )
    done = run_script(script, module, json.dumps(commands), cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_parsed(recipe, lines):
    """Checks that a recipe takes the flags of commands, each a list that begins with its module's name."""
    script = (
        "import importlib, json, sys\n"
        "from absl import flags\n"
        "importlib.import_module(sys.argv[1])\n"
        "for arguments in json.loads(sys.argv[2]):\n"
        "    flags.FLAGS.unparse_flags()\n"
        "    assert flags.FLAGS(arguments) == arguments[:1]\n"
    )
    lines = [arguments for arguments in lines if arguments[0] == f"recipes.{recipe}"]
    assert lines
    done = run_script(script, f"recipes.{recipe}", json.dumps(lines))
    assert done.returncode == 0, done.stderr
