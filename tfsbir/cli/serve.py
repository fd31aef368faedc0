"""Serves a gallery: a page to draw on, and an API to search by.

    tfsbir serve --gallery=shoes.gallery

Open the address that it prints, and draw. Where the gallery's encoder is a LiteRT export (`pretrained:NAME`
is one) and `make web` has fetched LiteRT.js, sketches are encoded in the browser and only their embeddings
leave it; elsewhere the server encodes them. The page says which. /docs describes the API, /metrics is for
Prometheus.

It listens on this machine only. For others, give --host, --allowed_host and --token_file, and put a server
that speaks HTTPS in front. When the gallery is saved anew, the new one is searched within seconds.
"""

import gc
import ipaddress
import json
import math
import os
import signal
import socket
from pathlib import Path

from absl import flags

from tfsbir.cli.command import parse_flags, quiet_start
from tfsbir.errors import InputError

FLAGS = flags.FlagValues()
MIN_TOKEN = 16


def _string(name, default, help):
    flags.DEFINE_string(name, default, help, flag_values=FLAGS)


def _integer(name, default, help, lower=1, upper=None):
    flags.DEFINE_integer(name, default, help, lower, upper, flag_values=FLAGS)


def _float(name, default, help, lower, upper):
    flags.DEFINE_float(name, default, help, lower, upper, flag_values=FLAGS)
    # NaN is below no bound and above none, and would be no limit.
    flags.register_validator(name, math.isfinite, "it must be a number", flag_values=FLAGS)


_string("gallery", None, "Gallery made by `tfsbir index`.")
_string("model", None, "Encoder of sketches, where it is not the one whose path the gallery remembers.")
_string("page_model", None, "LiteRT export that the page encodes by, where the gallery's encoder is none.")
_string("host", "127.0.0.1", "Address to listen on.")
_integer("port", 8000, "Port to listen on; 0 takes a free one.", 0, 65535)
flags.DEFINE_multi_string(
    "allowed_host", None, "Name by which browsers reach the server, beside localhost.", flag_values=FLAGS
)
flags.DEFINE_multi_string(
    "proxy", None, "Address of a server in front, whose X-Forwarded-For tells who asks.", flag_values=FLAGS
)
_string("token_file", None, f"File with the token that requests must carry, {MIN_TOKEN} characters or more.")
flags.DEFINE_bool(
    "allow_open", False, "Listen on another address than this machine's without a token.", flag_values=FLAGS
)
_integer("max_body_bytes", 8 * 2**20, "Bytes of a request's body, at most.", 1024, 2**30)
_integer("max_pixels", 20_000_000, "Pixels of an image that is sent, at most.", 1, 40_000_000)
_integer("max_strokes", 1000, "Strokes of a drawing, at most.", 1, 100_000)
_integer("max_points", 50_000, "Points of a drawing, at most.", 1, 1_000_000)
_integer("max_k", 200, "Photos that a search returns, at most.", 1, 10_000)
_float("rate", 20.0, "Searches a second of one address, in the long run; 0 for any.", 0.0, 1e6)
_float("burst", 40.0, "Searches that an address may ask for at once.", 1.0, 1e6)
_integer("max_concurrent", 128, "Searches under way at once, waiting ones too; more are refused.", 1, 10_000)
_float("timeout", 30.0, "Seconds that a request may take.", 0.1, 3600.0)
_integer("max_batch", 32, "Sketches that are encoded at once, at most.", 1, 1024)
_float("batch_wait_ms", 2.0, "How long a sketch waits for others to be encoded with, in ms.", 0.0, 1000.0)
_integer("cache_bytes", 64 * 2**20, "Bytes of thumbnails that are kept in memory.", 0)
flags.DEFINE_bool("json", False, "Print the address as JSON.", flag_values=FLAGS)

LIMITS = (
    "max_body_bytes", "max_pixels", "max_strokes", "max_points", "max_k", "rate", "burst", "max_concurrent",
    "timeout", "max_batch", "batch_wait_ms", "cache_bytes",
)  # fmt: skip


def main(argv):
    """Runs `tfsbir serve` until it is told to end, and returns its exit code."""
    parse_flags(argv, FLAGS, __doc__, required=("gallery",))
    token = _read_token(FLAGS.token_file)
    if not (_is_loopback(FLAGS.host) or token or FLAGS.allow_open):
        raise InputError(
            "`--host` must be an address of this machine alone, or come with --token_file or --allow_open. "
            f"Received: {FLAGS.host}"
        )
    # The imports follow the cheap checks; TensorFlow's comes last, with the model.
    try:
        import uvicorn

        from tfsbir.web.app import make_app
        from tfsbir.web.measures import Measures
    except ModuleNotFoundError as error:
        raise InputError(f'`tfsbir serve` needs {error.name}: pip install "tfsbir[web]"') from None
    from tfsbir.retrieval import Gallery, encoder_kind, open_encoder
    from tfsbir.web.page_encoder import page_encoder
    from tfsbir.web.served import ServedGallery
    from tfsbir.web.settings import Settings

    gallery = Gallery.open(FLAGS.gallery)
    page_model, reason = page_encoder(FLAGS.page_model, FLAGS.model, gallery)
    model = FLAGS.model or FLAGS.page_model or gallery.encoder_path
    encoder_kind(model)
    del gallery  # It is opened again with its encoder, and must not be in memory twice.
    with _listen(FLAGS.host, FLAGS.port) as listening:
        settings = Settings(
            **{name: FLAGS[name].value for name in LIMITS},
            token=token,
            allowed_hosts=(*Settings.allowed_hosts, FLAGS.host, *(FLAGS.allowed_host or [])),
        )
        measures = Measures()
        with quiet_start():
            served = ServedGallery(FLAGS.gallery, open_encoder(model), measures)
        app = make_app(served, settings, measures, page_model)
        server = uvicorn.Server(_config(uvicorn, app))
        # Uvicorn ends well on either signal, and then raises it again. It may come before uvicorn runs.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, server.handle_exit)
        gc.collect()
        gc.freeze()  # What is there now stays: looking through it again and again slows large requests down.
        host, port = listening.getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        if FLAGS.json:
            facts = {
                "url": url,
                "pid": os.getpid(),
                "num_photos": len(served.gallery),
                "on_device": page_model is not None,
            }
            print(json.dumps(facts), flush=True)
        else:
            where = "in the browser" if page_model else f"on the server: {reason}"
            print(f"{url}  {len(served.gallery)} photos; sketches are encoded {where}", flush=True)
        server.run(sockets=[listening])
    return 0


def _config(uvicorn, app):
    proxies = FLAGS.proxy or []
    # What else is installed must not change how requests are read, nor what they may be.
    return uvicorn.Config(
        app, http="h11", ws="none", log_level="error", access_log=False, server_header=False,
        timeout_keep_alive=5, timeout_graceful_shutdown=5, h11_max_incomplete_event_size=16384,
        proxy_headers=bool(proxies), forwarded_allow_ips=proxies,
    )  # fmt: skip


def _read_token(path):
    if path is None:
        return None
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected a file with a token in ASCII; {error}") from None
    if len(token) < MIN_TOKEN:
        raise InputError(f"{path}: expected a token of {MIN_TOKEN} characters or more; found {len(token)}")
    return token


def _is_loopback(host):
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host, port):
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = (os.strerror(error.errno) if (error.errno or 0) > 0 else str(error)).lower()
        raise InputError(
            f"`--host` and `--port` must be free to listen on. Received: {host}, {port} ({reason})"
        ) from None
