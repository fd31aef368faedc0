"""What a browser may load into the page: files of its own origin, and no script that is written into it."""

import base64
import hashlib
import re

# The one script inside the page names the modules of its packages. Browsers take it from no other file yet.
IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)


def content_security_policy(html):
    """Returns the Content-Security-Policy of a page.

    Args:
        html: Str, the page with exactly one import map inside, whose hash lets the browser read it.
    Returns: Str, the value of the header. WebAssembly may be compiled; photos may be made in the page.
    Raises: `ValueError` if there is no import map or more than one.
    """
    maps = IMPORT_MAP.findall(html)
    if len(maps) != 1:
        raise ValueError(f"`html` must hold one import map. Received: {len(maps)}")
    digest = base64.b64encode(hashlib.sha256(maps[0].encode("utf-8")).digest()).decode("ascii")
    return "; ".join([
        "default-src 'self'",
        f"script-src 'self' 'wasm-unsafe-eval' 'sha256-{digest}'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    ])  # fmt: skip
