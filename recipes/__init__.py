"""One readable script a paper, and the commands around them."""

import os

# TensorFlow's C++ log drowns a progress bar; what goes wrong there reaches us as an exception.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
