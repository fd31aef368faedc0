"""How many searches `tfsbir serve` answers, how soon, and whether its memory stays as it is.

    python -m recipes.bench.serve --output=results/bench_serve.json

A gallery of embeddings as `encoder_like` makes them, for `pretrained:category`, served by a process of its
own on 127.0.0.1 without a limit on the rate. Each of `--num_clients` clients searches again and again without
a pause, for `--seconds`: first with vectors, as the page sends them, then with strokes, which the server
encodes. Clients run on the same cores, so what a server can do by itself is more.
"""

import asyncio
import json
import logging
import tempfile
import time
from pathlib import Path

import httpx2 as httpx
import numpy as np
import tqdm
from absl import flags

from recipes.bench.devices import device_versions
from recipes.bench.galleries import encoder_like, served_gallery
from recipes.bench.serving import serving
from tfsbir import command, files

NUM_QUERIES, K = 200, 12


def load(url, pid, queries, num_clients, seconds, name):
    """Lets clients search for some time; returns a dict of what they met with.

    Args:
        url: Str, the server's address, on this machine.
        pid: Int, its process.
        queries: List of dicts, bodies of `POST /search`.
        num_clients: Int >= 1.
        seconds: Float > 0.
        name: Str, shown beside the progress.
    """
    return asyncio.run(_load(url, pid, queries, num_clients, seconds, name))


async def _load(url, pid, queries, num_clients, seconds, name):
    bodies = [json.dumps({**query, "k": K}).encode() for query in queries]
    taken, errors, memory = [], [], [_resident_bytes(pid)]
    end = time.perf_counter() + seconds

    async def ask(client, number):
        while time.perf_counter() < end:
            start = time.perf_counter()
            body = bodies[number % len(bodies)]
            answer = await client.post(
                url + "search", content=body, headers={"Content-Type": "application/json"}
            )
            taken.append(time.perf_counter() - start)
            if answer.status_code != 200 or len(answer.json()["results"]) != K:
                errors.append(answer.text[:200])
            number += num_clients

    async def watch():
        with tqdm.tqdm(total=round(seconds), desc=name, unit="s", disable=None) as bar:
            while time.perf_counter() < end:
                await asyncio.sleep(min(1.0, seconds / 20))
                memory.append(_resident_bytes(pid))
                bar.update(min(1, bar.total - bar.n))

    limits = httpx.Limits(max_connections=num_clients, max_keepalive_connections=num_clients)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:
        await asyncio.gather(watch(), *(ask(client, number) for number in range(num_clients)))
    p50, p95, p99 = (round(1000 * float(value), 2) for value in np.percentile(taken, [50, 95, 99]))
    # The first searches fill caches; what comes after them must not add up.
    settled, last = memory[len(memory) // 5], memory[-1]
    return {
        "queries": name,
        "num_clients": num_clients,
        "seconds": seconds,
        "num_requests": len(taken),
        "requests_per_second": round(len(taken) / seconds, 1),
        "ms_p50": p50,
        "ms_p95": p95,
        "ms_p99": p99,
        "num_errors": len(errors),
        "first_error": errors[0] if errors else None,
        "memory_bytes": {"first": memory[0], "after_a_fifth": settled, "last": last, "most": max(memory)},
    }


def line_of(row):
    """Returns a row as a line of text."""
    memory = row["memory_bytes"]
    first, settled, last = (memory[name] / 1e6 for name in ("first", "after_a_fifth", "last"))
    return (
        f"{row['queries']:<8} {row['num_clients']} clients, {row['seconds']:.0f} s: "
        f"{row['num_requests']:,} searches, {row['requests_per_second']:.0f}/s, p50 {row['ms_p50']:.1f} ms, "
        f"p95 {row['ms_p95']:.1f} ms, p99 {row['ms_p99']:.1f} ms, {row['num_errors']} errors, memory "
        f"{first:.0f} MB, after a fifth of the time {settled:.0f} MB, at the end {last:.0f} MB"
    )


def _resident_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/{pid}/status: expected VmRSS; found none")


def main(_):
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # It would tell of every request.
    values, rows = flags.FLAGS, []
    random = np.random.default_rng(0)
    photos, sketches = encoder_like(values.num_photos, NUM_QUERIES, 256)
    vectors = [{"vector": [float(value) for value in sketch]} for sketch in sketches]
    strokes = [
        {"strokes": np.cumsum(random.normal(size=(5, 40, 2)), axis=1).round(3).tolist()}
        for _ in range(NUM_QUERIES)
    ]
    with tempfile.TemporaryDirectory() as folder:
        gallery = served_gallery(photos, "pretrained:category", Path(folder) / "gallery")
        with serving(gallery) as (url, pid):
            for name, queries in (("vectors", vectors), ("strokes", strokes)):
                rows.append(load(url, pid, queries, values.num_clients, values.seconds, name))
                print(line_of(rows[-1]), flush=True)
    found = {"num_photos": values.num_photos, "dim": 256, "k": K, "rows": rows, "versions": device_versions()}
    Path(values.output).parent.mkdir(parents=True, exist_ok=True)
    files.write_json(values.output, found)
    return 1 if any(row["num_errors"] for row in rows) else 0


if __name__ == "__main__":
    flags.DEFINE_string("output", "results/bench_serve.json", "Where the JSON goes.")
    flags.DEFINE_integer("num_photos", 100_000, "Photos in the gallery.", lower_bound=K)
    flags.DEFINE_integer("num_clients", 64, "Clients at once.", lower_bound=1)
    flags.DEFINE_float(
        "seconds", 60.0, "How long they search, with vectors and with strokes.", lower_bound=0.1
    )
    command.run(main)
