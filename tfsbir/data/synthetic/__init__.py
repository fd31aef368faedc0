"""A data set that the library draws itself."""

from tfsbir.data.synthetic.dataset import (
    CATEGORIES,
    attribute_names,
    synthetic,
    synthetic_folder,
    synthetic_objects,
)

__all__ = ["CATEGORIES", "attribute_names", "synthetic", "synthetic_folder", "synthetic_objects"]
