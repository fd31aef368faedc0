"""Where the page lies, and which of its files a browser loads."""

from pathlib import Path

PAGE_DIR = Path(__file__).parent / "page"
PACKAGES_DIR = PAGE_DIR / "node_modules"  # `make web` fetches them.
LOADED_PACKAGES = ("@litertjs/core", "@litertjs/wasm-utils", "swagger-ui-dist")
LOADED = (".js", ".css")
# What it loads of the LiteRT export that it encodes by.
MODEL_FILES = ("sketch_encoder.tflite", "encoder.json", "preprocessing.json")


def page_files():
    """Returns the `Path`s of the page's modules and styles, sorted; `index.html` is not among them."""
    return sorted(path for path in PAGE_DIR.iterdir() if path.suffix in LOADED)
