"""Times what users wait for, each beside a named peer or limit in the same run.

python -m recipes.bench --output=results/bench.json --history=results/bench_history.jsonl
python -m recipes.bench --only=encode,search
python -m recipes.bench.bench_table

Prints a table of seven kinds of rows and writes JSON; the last one writes docs/bench.md's table and plot of
it. Machines are noisy, so the two sides of a row take turns and what counts is the ratio; times are medians.
The rows beside PyTorch need an environment of its own, `make .venvs/torch/.installed`, and are else left out.
"""
