"""Galleries in a web browser: `tfsbir serve` and the page that it shows."""
