"""Writes what `recipes.bench` measured into a page, as a table and a plot.

python -m recipes.bench.bench_table --results=results/bench.json --history=results/bench_history.jsonl
"""

from absl import flags

from recipes.bench.history import read_history, read_results
from recipes.bench.ratio_plot import draw_ratios
from recipes.bench.row import Row
from tfsbir import command
from tfsbir.errors import InputError
from tfsbir.generated_part import write_part

PART = "bench"


def table(results):
    """Returns the lines of a Markdown table of `read_results`, with what was left out and measured when."""
    lines = ["| | ours | | peer or limit | | ratio | half of turns |", "|---|---|---:|---|---:|---:|---:|"]
    notes = []
    for kind, found in results.items():
        title = f"**{kind.replace('_', ' ')}**"
        for row in map(Row.from_json, found["rows"]):
            ours, value, peer, peer_value, ratio, spread, recall = row.cells()
            ours += f"; recall@10 {recall}" if recall else ""
            lines.append(f"| {title} | {ours} | {value} | {peer} | {peer_value} | {ratio} | {spread} |")
            title = ""
        notes += [f"Left out of {kind.replace('_', ' ')}: {reason}." for reason in found["left_out"]]
    return [*lines, "", *_runs(results), *(line for note in notes for line in ("", note))]


def _runs(results):
    """Returns lines that say when and on what the kinds were measured, those of one run together."""
    runs = {}
    for kind, found in results.items():
        runs.setdefault((found["date"], found["cpu"], found["cores"], found["rounds"]), []).append(kind)
    lines = []
    for (date, cpu, cores, rounds), kinds in runs.items():
        which = "All" if len(runs) == 1 else ", ".join(kind.replace("_", " ") for kind in kinds)
        load = results[kinds[0]]["load"]
        busy = "" if load is None else f", where {load:.1f} processes ran just before"
        lines.append(f"- {which}: {date[:10]}, {rounds} rounds, {cpu}, {cores} cores{busy}.")
    return lines


def main(_):
    results = read_results(flags.FLAGS.results)
    if not results:
        raise InputError(
            f"{flags.FLAGS.results}: expected what `python -m recipes.bench` writes; found nothing"
        )
    history = read_history(flags.FLAGS.history)
    write_part(flags.FLAGS.page, PART, "\n".join(table(results)))
    draw_ratios(results, history, flags.FLAGS.plot)


if __name__ == "__main__":
    flags.DEFINE_string("results", "results/bench.json", "JSON of `recipes.bench`.")
    flags.DEFINE_string("history", "results/bench_history.jsonl", "JSON lines of `recipes.bench`.")
    flags.DEFINE_string("page", "docs/bench.md", "Page with the part `bench` to write.")
    flags.DEFINE_string("plot", "docs/images/bench.png", "Where the plot goes, as a PNG.")
    command.run(main)
