"""Times what users wait for, each beside a named peer or limit in the same run.

python -m recipes.bench --output=results/bench.json

Prints a table and writes JSON. Machines are noisy, so the two sides of a row take turns and what counts
is the ratio; times are medians.
"""
