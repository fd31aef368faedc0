"""The training step of siamese Sketch-a-Net in PyTorch, in an environment of its own; see `step_process`.

.venvs/torch/bin/python -m recipes.bench.torch_step STEP.npz NUM_THREADS "eager, contiguous" ...

`STEP.npz` holds the Keras model's weights and a batch, as `recipes.bench.step_rows` writes them. The step is
"eager" or compiled ("torch.compile"), with images and weights "contiguous" or "channels_last".
"""

import copy
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from recipes.bench.step_process import answer

MARGIN, LEARNING_RATE, MOMENTUM = 0.3, 1e-3, 0.9
INPUT_MEAN = 250.42
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class SketchANet(nn.Module):
    """`tfsbir.models.sketch_a_net`, 225 px, 256-d, layer by layer."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 15, stride=3)
        self.conv2 = nn.Conv2d(64, 128, 5)
        self.conv3 = nn.Conv2d(128, 256, 3, padding=1)
        self.conv4 = nn.Conv2d(256, 256, 3, padding=1)
        self.conv5 = nn.Conv2d(256, 256, 3, padding=1)
        self.fc6 = nn.Linear(7 * 7 * 256, 512)
        self.fc7 = nn.Linear(512, 256)

    def forward(self, images):
        x = images * 127.5 + (127.5 - INPUT_MEAN)
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 3, 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 3, 2)
        for conv in (self.conv3, self.conv4, self.conv5):
            x = functional.relu(conv(x))
        x = functional.max_pool2d(x, 3, 2).flatten(1)
        return functional.normalize(self.fc7(functional.relu(self.fc6(x))))

    def take_weights(self, arrays):
        """Copies Keras' weights: kernels are `(height, width, in, out)` there, and fc6 sees channels last."""
        for name, layer in self.named_children():
            kernel = arrays[f"{name}_kernel"]
            if name == "fc6":
                kernel = kernel.reshape(7, 7, 256, 512).transpose(2, 0, 1, 3).reshape(-1, 512)
            kernel = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))
                layer.bias.copy_(torch.from_numpy(arrays[f"{name}_bias"]))


class Variant:
    """A model with its optimizer and its batch, in one memory format, eager or compiled."""

    def __init__(self, model, images, memory_format, is_compiled):
        self.model = copy.deepcopy(model).to(memory_format=memory_format)
        # All domains in one pass: sketches, photos, negatives.
        self.images = images.clone(memory_format=memory_format)
        self.optimizer = torch.optim.SGD(self.model.parameters(), LEARNING_RATE, momentum=MOMENTUM)
        self.loss = torch.compile(self._loss) if is_compiled else self._loss

    def _loss(self, images):
        sketch, photo, negative = self.model(images).chunk(3)
        gap = (sketch - photo).square().sum(1) - (sketch - negative).square().sum(1)
        return (MARGIN + gap).clamp(min=0).mean()

    def step(self):
        """Trains one step; returns its seconds and the loss before it."""
        begun = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.images)
        loss.backward()
        self.optimizer.step()
        loss = loss.item()
        return {"seconds": time.perf_counter() - begun, "loss": loss}

    def embed(self, path):
        """Writes the embeddings of the batch to a `.npy` file; returns nothing else."""
        with torch.no_grad():
            np.save(path, self.model(self.images).numpy())
        return {}


def main(path, num_threads, *names):
    torch.set_num_threads(int(num_threads))
    torch.manual_seed(0)
    with np.load(path, allow_pickle=False) as arrays:
        arrays = dict(arrays)
    model = SketchANet()
    model.take_weights(arrays)
    # One channel: either order of the axes is the same numbers.
    images = torch.from_numpy(arrays["images"].transpose(0, 3, 1, 2).copy())
    variants, left_out = {}, {}
    for name in names:
        kind, memory_format = name.split(", ")
        is_compiled = {"eager": False, "torch.compile": True}[kind]
        variant = Variant(model, images, FORMATS[memory_format], is_compiled)
        try:
            if is_compiled:  # Here, where it may fail.
                variant.loss(variant.images)
        # Whatever keeps a machine from compiling, such as no C++ compiler, is told and no reason to end.
        except Exception as error:
            left_out[name] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        else:
            variants[name] = variant
    answer(
        {"names": list(variants), "left_out": left_out, "versions": {"torch": torch.__version__}},
        {
            "step": lambda name: variants[name].step(),
            "embed": lambda name, path: variants[name].embed(path),
        },
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
