"""The API's documentation at /docs, by Swagger UI from files that this server serves itself."""

from fastapi.responses import HTMLResponse, Response

from tfsbir.web.page_files import PACKAGES_DIR

SWAGGER = PACKAGES_DIR / "swagger-ui-dist"
# Swagger UI writes styles into the page.
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
START = 'SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs" });\n'
HEAD = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>tfsbir: the API</title>'
SHOWN = f"""{HEAD}
<link rel="icon" href="data:,"><link rel="stylesheet" href="/packages/swagger-ui-dist/swagger-ui.css"></head>
<body><div id="docs"></div><script src="/packages/swagger-ui-dist/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script></body></html>
"""
MISSING = f"""{HEAD}</head><body><p>Swagger UI is not there: <code>make web</code> fetches it.
The API is described in <a href="/openapi.json">/openapi.json</a>.</p></body></html>
"""


def add_docs(app):
    """Adds /docs to a FastAPI application."""

    @app.get("/docs", include_in_schema=False)
    def docs():
        html = SHOWN if (SWAGGER / "swagger-ui-bundle.js").exists() else MISSING
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})

    @app.get("/docs/start.js", include_in_schema=False)
    def start():
        return Response(START, media_type="text/javascript")
