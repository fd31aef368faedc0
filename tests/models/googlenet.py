"""GoogLeNet of its published layers, in NumPy alone; padding as Caffe computes it."""

import numpy as np


def pool5_by_hand(encoder, image):
    """Returns `pool5` of images (batch, side, side, 3) in [-1, 1], in float64, with an encoder's weights."""
    x = image[..., ::-1].astype("float64") * 127.5 + 127.5 - np.array([104, 117, 123])
    x = _norm(_pool(_convolution(encoder, x, "conv1/7x7_s2", 2, 3), 2))
    x = _convolution(encoder, _convolution(encoder, x, "conv2/3x3_reduce"), "conv2/3x3", pad=1)
    x = _pool(_norm(x), 2)
    for block in ("3a", "3b", None, "4a", "4b", "4c", "4d", "4e", None, "5a", "5b"):
        if block is None:
            x = _pool(x, 2)
            continue
        name = f"inception_{block}"
        parts = [_convolution(encoder, x, f"{name}/1x1")]
        for size, pad in ((3, 1), (5, 2)):
            part = f"{name}/{size}x{size}"
            parts.append(_convolution(encoder, _convolution(encoder, x, f"{part}_reduce"), part, pad=pad))
        parts.append(_convolution(encoder, _pool(x, 1, 1), f"{name}/pool_proj"))
        x = np.concatenate(parts, axis=-1)
    return x.mean(axis=(1, 2))


def _convolution(encoder, x, name, stride=1, pad=0):
    kernel, bias = encoder.get_layer(name.replace("/", "_")).get_weights()
    windows = _windows(np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0))), kernel.shape[0], stride)
    return np.maximum(np.tensordot(windows, kernel.astype("float64"), ([4, 5, 3], [0, 1, 2])) + bias, 0)


def _pool(x, stride, pad=0):
    side = x.shape[1]
    outputs = -(-(side + 2 * pad - 3) // stride) + 1  # Caffe rounds up.
    behind = (outputs - 1) * stride + 3 - side - pad
    x = np.pad(x, ((0, 0), (pad, behind), (pad, behind), (0, 0)), constant_values=-np.inf)
    return _windows(x, 3, stride).max(axis=(4, 5))


def _norm(x):
    squares = np.pad(x**2, ((0, 0), (0, 0), (0, 0), (2, 2)))
    total = sum(squares[..., start : start + x.shape[-1]] for start in range(5))
    return x / (1.0 + 1e-4 / 5 * total) ** 0.75


def _windows(x, size, stride):
    return np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]
