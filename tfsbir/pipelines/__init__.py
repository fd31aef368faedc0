"""Apache Beam pipelines, for photos that are too many for one machine."""
