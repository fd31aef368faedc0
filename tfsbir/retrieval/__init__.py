"""From a trained encoder and a folder of photos to an index that sketches search."""

from tfsbir.retrieval.encoder import Encoder as Encoder
from tfsbir.retrieval.encoder import encoder_kind as encoder_kind
from tfsbir.retrieval.encoder import open_encoder as open_encoder
from tfsbir.retrieval.gallery import Gallery as Gallery
from tfsbir.retrieval.gallery_files import check_gallery_target as check_gallery_target
from tfsbir.retrieval.itq import ITQ as ITQ
from tfsbir.retrieval.lifting import Lifting as Lifting
from tfsbir.retrieval.metadata import read_metadata as read_metadata
from tfsbir.retrieval.photo import Match as Match
from tfsbir.retrieval.photo import Photo as Photo
from tfsbir.retrieval.photo_attributes import compare_attributes as compare_attributes
from tfsbir.retrieval.photo_index import PhotoIndex as PhotoIndex
from tfsbir.retrieval.pretrained import model_path as model_path
from tfsbir.retrieval.pretrained import pretrained_names as pretrained_names
