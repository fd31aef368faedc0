"""Metadata and dependencies of tfsbir."""

from pathlib import Path

from setuptools import find_packages, setup

SEARCH = ["faiss-cpu>=1.12"]
# Milvus Lite is a Milvus in one file, by the client that speaks to a cluster; it imports pyarrow, which Beam
# brings, too.
MILVUS = ["pymilvus>=3.0", "milvus-lite>=3.2"]
BEAM = ["apache-beam>=2.77", "pyarrow>=18"]
WEB = ["fastapi>=0.165", "uvicorn>=0.54", "prometheus-client>=0.26"]
# ONNX Runtime is what `make bench` holds LiteRT against.
BENCH = ["onnx>=1.19", "onnxruntime>=1.23"]
# scikit-image is a reference that tests compare with; xdist runs the suite on all cores. Playwright draws in
# a browser that is already there (it downloads none), Schemathesis makes requests up.
TEST = [
    "pytest>=8.4",
    "pytest-xdist>=3.8",
    "ruff>=0.14",
    "scikit-image>=0.24",
    "httpx2>=2.16",
    "playwright>=1.65",
    "schemathesis>=4.32",
]
EXTRAS = {"search": SEARCH, "milvus": MILVUS, "beam": BEAM, "web": WEB, "bench": BENCH, "test": TEST}

setup(
    name="tfsbir",
    version="0.1.0",
    description="Sketch-based image retrieval for TensorFlow and Keras: draw, and find the photo",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=["tfsbir", "tfsbir.*", "recipes", "recipes.*", "export"]),
    # The page's npm packages stay out: `npm ci` fetches them by the lock file.
    package_data={
        "recipes": ["*.txt"],
        "tfsbir": ["pretrained/*/*.md", "pretrained/*/*/*", "web/page/*.*", "web/page/.npmrc"],
    },
    install_requires=[
        # Keras 3.12 and TensorFlow 2.20 are the oldest that still get fixes.
        "tensorflow>=2.20",
        "keras>=3.12",
        "numpy>=1.26",
        "h5py>=3.11",
        # Plackett-Luce draws. Where TensorFlow is loaded first, it asks for tf-keras; and it imports
        # distutils, which setuptools brings where Python no longer does.
        "tensorflow-probability>=0.25",
        "tf-keras>=2.20",
        "setuptools",
        "pillow>=11",
        # OpenCV with its `ximgproc`, for structured forests; otherwise the same as opencv-python-headless.
        "opencv-contrib-python-headless>=4.10",
        # The baselines: visual words and the RankSVM; alignment and pools; and to keep k-means from spinning
        # beside other work.
        "scikit-learn>=1.5",
        "scipy>=1.13",
        "threadpoolctl>=3.5",
        "absl-py>=2.1",
        # Worker processes that do not import the program that started them, and with it TensorFlow.
        "loky>=3.5",
        "tqdm>=4.66",
        "matplotlib>=3.9",
        # Caffe's files of weights; TensorFlow needs it, too.
        "protobuf>=5",
        "ai-edge-litert>=2.0",
        *SEARCH,
    ],
    extras_require={**EXTRAS, "all": [need for needs in EXTRAS.values() for need in needs]},
    entry_points={"console_scripts": ["tfsbir = tfsbir.cli:main"]},
)
