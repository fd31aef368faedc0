"""Exporters: a trained encoder as a SavedModel or for LiteRT, compared with the Keras model."""

import os

# The converter's C++ log drowns the few lines of progress; what goes wrong there reaches us as an exception.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
