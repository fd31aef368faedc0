"""What tests ask of a backend, of PyTorch; `tests/common_backends.py` says what each is."""

import keras
import torch
from torch.utils._python_dispatch import TorchDispatchMode

# Without `torch.compile`: Keras' layers break its graphs (`SpatialAttention` twice), so that pieces would be
# tested, and the first function took 20 s even where no code was made (`aot_eager`), each other one a second.
MODES = {"eager": lambda function: function}


def recording_gradients():
    return torch.enable_grad()


def value_and_gradients(function, tensors=(), variables=()):
    with torch.enable_grad():
        tensors = [keras.ops.convert_to_tensor(x).detach().clone().requires_grad_() for x in tensors]
        value = function(*tensors)
        sources = [*tensors, *(variable.value for variable in variables)]
        trained = [source for source in sources if source.requires_grad]
        gradients = iter(torch.autograd.grad(value.sum(), trained, allow_unused=True))
    return value.detach(), [next(gradients) if source.requires_grad else None for source in sources]


def compiled_gradients(mode, function, variables=()):
    return lambda *tensors: value_and_gradients(MODES[mode](function), tensors, variables)


def training_step(cost, optimizer, variables):
    gradients_of = compiled_gradients(list(MODES)[-1], cost, variables)

    def step(*tensors):
        _, gradients = gradients_of(*tensors)
        optimizer.apply(gradients[len(tensors) :], variables)

    return step


def with_open_sizes(function, *specs):
    return lambda *arrays: function(
        *(keras.ops.convert_to_tensor(x, dtype) for x, (_, dtype) in zip(arrays, specs, strict=True))
    )


def largest_tensor(function, shapes, variables=()):
    with _Largest() as seen:
        value_and_gradients(function, [torch.zeros(shape) for shape in shapes], variables)
    return seen.size


class _Largest(TorchDispatchMode):
    """Notes the number of elements of the largest tensor that any operation returns."""

    size = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        output = function(*arguments, **(keywords or {}))
        for tensor in torch.utils._pytree.tree_leaves(output):
            if isinstance(tensor, torch.Tensor):
                self.size = max(self.size, tensor.numel())
        return output
