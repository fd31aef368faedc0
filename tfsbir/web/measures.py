"""What Prometheus can ask a server."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Measures:
    """Counters and histograms of one server."""

    def __init__(self):
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "tfsbir_requests", "Requests answered.", ["route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "tfsbir_request_seconds", "Time of a request.", ["route"], buckets=SECONDS, registry=registry
        )
        self.encode = Histogram(
            "tfsbir_encode_seconds",
            "Time to encode a sketch, waiting too.",
            buckets=SECONDS,
            registry=registry,
        )
        self.search = Histogram(
            "tfsbir_search_seconds", "Time to search.", buckets=SECONDS, registry=registry
        )
        self.batch = Histogram(
            "tfsbir_batch_sketches",
            "Sketches of a batch.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=registry,
        )
        self.refused = Counter("tfsbir_refused", "Requests refused.", ["reason"], registry=registry)
        self.thumbnails = Counter("tfsbir_thumbnails", "Thumbnails sent.", ["source"], registry=registry)
        self.photos = Gauge("tfsbir_photos", "Photos in the gallery.", registry=registry)
        self.reloads = Counter("tfsbir_reloads", "Galleries opened anew.", ["outcome"], registry=registry)

    def text(self):
        """Returns all of it in Prometheus' text format, bytes."""
        return generate_latest(self.registry)
