"""Data sets: one module each, and what they share.

`tfsbir.data.batches` and `tfsbir.data.augment` need TensorFlow and are imported by these names, so that
commands which only read images start at once.
"""

from tfsbir.data.edge_maps import edge_map
from tfsbir.data.images import list_images, read_image, read_photo_edges
from tfsbir.data.paired_folder import paired_folder
from tfsbir.data.paired_split import PairedSplit
from tfsbir.data.qmul_v1 import qmul_v1
from tfsbir.data.synthetic import synthetic, synthetic_folder

# Functions of the data folder and the split; `synthetic` reads no files.
DATASETS = {
    "paired_folder": paired_folder,
    "qmul_v1": qmul_v1,
    "synthetic": lambda data_dir, split: synthetic(split),
}

__all__ = [
    "DATASETS",
    "PairedSplit",
    "edge_map",
    "list_images",
    "paired_folder",
    "qmul_v1",
    "read_image",
    "read_photo_edges",
    "synthetic",
    "synthetic_folder",
]
