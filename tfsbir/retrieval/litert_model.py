"""A LiteRT model as a function from images to embeddings, whatever its input and output are."""

import os

import numpy as np

from tfsbir.preprocessing import to_canvas


class LiteRTModel:
    """Runs a model of one image from `export.litert`.

    Its input is float32 or int8 in [-1, 1], or a whole canvas in uint8; its output is float32 or int8. The
    tensors' shapes, types, scales and zero points say which.

    Args:
        model: Bytes of the file.
        num_threads: Integer >= 1, None for one a processor.

    Attributes:
        input_shape: Tuple, `(1, size, size, channels)`.
        input_dtype, output_dtype: NumPy types.

    Raises: `ValueError` or `RuntimeError`, of LiteRT, if the bytes are no whole model or one that it cannot
        run; `ValueError` if it has several inputs or outputs, or one of another type or rank.
    """

    def __init__(self, model, num_threads=None):
        from ai_edge_litert.interpreter import Interpreter

        # Verifies the offsets in the file before anything follows them.
        self._interpreter = Interpreter(model_content=model, num_threads=num_threads or os.cpu_count())
        self._interpreter.allocate_tensors()
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if (len(inputs), len(outputs)) != (1, 1):
            raise ValueError(
                f"the model must have one input and one output. Received: {len(inputs)} and {len(outputs)}"
            )
        (self._image,), (self._embedding,) = inputs, outputs
        self.input_shape = tuple(map(int, self._image["shape"]))
        self.input_dtype, self.output_dtype = self._image["dtype"], self._embedding["dtype"]
        found = (len(self.input_shape), *self.input_shape[:1], np.dtype(self.input_dtype).name)
        if found not in [(4, 1, "float32"), (4, 1, "int8"), (4, 1, "uint8")]:
            raise ValueError(
                "the model must take one image, (1, size, size, channels), of float32, int8 or uint8. "
                f"Received: {self.input_shape} of {found[-1]}"
            )
        if self.output_dtype not in (np.float32, np.int8):
            raise ValueError(
                "the model must return float32 or int8. Received: " + np.dtype(self.output_dtype).name
            )

    def prepare(self, images):
        """Turns images, float32 `(batch, size, size, channels)` in [-1, 1], into what the model takes.

        A canvas gets white margins, which the model cuts off again. int8 and uint8 are rounded; images that
        were read from 8-bit files lose nothing on a canvas.
        """
        if self.input_dtype == np.uint8:
            return to_canvas(images, self.input_shape[1])
        if self.input_dtype == np.float32:
            return images
        scale, zero_point = self._image["quantization"]
        limits = np.iinfo(self.input_dtype)
        rounded = np.rint(images / scale + zero_point)
        return np.clip(rounded, limits.min, limits.max).astype(self.input_dtype)

    def run(self, prepared):
        """Runs the model on one prepared image, `(1, ...)`; returns the output tensor as it is."""
        self._interpreter.set_tensor(self._image["index"], prepared)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._embedding["index"])

    def encode(self, images):
        """Encodes images, float32 `(batch, size, size, channels)` in [-1, 1], one after the other.

        Returns: float32 `(batch, dim)`; an int8 output times its scale.
        """
        outputs = np.concatenate([self.run(prepared[None]) for prepared in self.prepare(images)])
        if self.output_dtype == np.float32:
            return outputs
        scale, zero_point = self._embedding["quantization"]
        return (outputs.astype(np.float32) - zero_point) * np.float32(scale)
