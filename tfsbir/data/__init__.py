"""Data sets: one module each, and what they share.

`tfsbir.data.batches`, `tfsbir.data.augment` and `tfsbir.data.cached` need TensorFlow and are imported by
these names, so that commands which only read images start at once.
"""

from tfsbir.data.attribute_shares import attribute_shares
from tfsbir.data.attributes_csv import read_attributes, write_attributes
from tfsbir.data.bmvc14 import bmvc14
from tfsbir.data.category_folder import category_folder
from tfsbir.data.chairv2 import chairv2
from tfsbir.data.common65c import common65c
from tfsbir.data.crop_to_object import crop_to_object
from tfsbir.data.datasets import DATASETS, load
from tfsbir.data.drawings import Drawings
from tfsbir.data.edge_maps import edge_map
from tfsbir.data.handbag import handbag
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import list_images, read_image, read_photo_edges
from tfsbir.data.join import join
from tfsbir.data.joined_images import JoinedImages
from tfsbir.data.midgrain65c import midgrain65c
from tfsbir.data.paired_folder import paired_folder
from tfsbir.data.paper import remove_frame, to_black_on_white
from tfsbir.data.photo_folder import photo_folder
from tfsbir.data.photo_reader import EDGES, RGB, PhotoReader
from tfsbir.data.qmul_v1 import qmul_v1
from tfsbir.data.quickdraw import quickdraw
from tfsbir.data.quickdraw_extended import quickdraw_extended
from tfsbir.data.record_images import RecordImages
from tfsbir.data.shoev1_attributes import shoev1_attributes
from tfsbir.data.sketchy import sketchy
from tfsbir.data.split import Split
from tfsbir.data.structured_edges import StructuredEdges
from tfsbir.data.synthetic import synthetic, synthetic_folder, synthetic_objects
from tfsbir.data.tuberlin import tuberlin
from tfsbir.data.with_attributes import with_attributes
from tfsbir.data.with_distractors import with_distractors
from tfsbir.data.with_more_sketches import with_more_sketches
from tfsbir.data.with_seen_photos import with_seen_photos
from tfsbir.data.word_vectors import read_word_vectors
from tfsbir.data.worker_pool import worker_pool

__all__ = [
    "DATASETS", "Drawings", "EDGES", "ImageFiles", "JoinedImages", "PhotoReader", "RGB", "RecordImages",
    "Split", "StructuredEdges", "attribute_shares", "bmvc14", "category_folder", "chairv2", "common65c",
    "crop_to_object",
    "edge_map", "handbag", "join", "list_images", "load", "midgrain65c", "paired_folder", "photo_folder",
    "qmul_v1", "quickdraw", "quickdraw_extended", "read_attributes", "read_image", "read_photo_edges",
    "read_word_vectors",
    "remove_frame", "shoev1_attributes", "sketchy", "synthetic", "synthetic_folder", "synthetic_objects",
    "to_black_on_white", "tuberlin", "with_attributes", "with_distractors", "with_more_sketches",
    "with_seen_photos", "worker_pool", "write_attributes",
]  # fmt: skip
