"""The weights in a file of Caffe's, a protocol buffer; reading it runs no code of it."""

import functools

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory


def read_blobs(path):
    """Reads the layers with weights of a `.caffemodel`, in the older notation or the present one.

    Args:
        path: Path of the file.
    Returns: Dict from a layer's name to its blobs, each `(shape, values)`: what the file says, a tuple, and
        `(num_values,)` float32, which may be another number of them.
    Raises: `ValueError` if it is no such file.
    """
    net = _caffe_net_class()()
    try:
        net.ParseFromString(path.read_bytes())
    except message.DecodeError as error:
        raise ValueError(str(error)) from None
    # A net for training repeats names, as of data layers; those that hold weights are unique.
    return {
        layer.name: [(_shape(blob), np.array(blob.data, np.float32)) for blob in layer.blobs]
        for layer in (*net.layers, *net.layer)  # The older, the present.
        if layer.blobs
    }


def _shape(blob):
    """Returns the shape of a Caffe blob; older ones have four axes always, a bias 1 x 1 x 1 x channels."""
    if blob.shape.dim:
        return tuple(blob.shape.dim)
    shape = (blob.num, blob.channels, blob.height, blob.width)
    return shape[3:] if shape[:3] == (1, 1, 1) else shape


@functools.cache
def _caffe_net_class():
    """Returns the class of Caffe's `NetParameter`, with those fields of it that hold weights."""
    field = descriptor_pb2.FieldDescriptorProto
    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    nested = field.TYPE_MESSAGE
    messages = {
        "BlobShape": [("dim", 1, many, field.TYPE_INT64, "")],
        "BlobProto": [
            ("num", 1, one, field.TYPE_INT64, ""),
            ("channels", 2, one, field.TYPE_INT64, ""),
            ("height", 3, one, field.TYPE_INT64, ""),
            ("width", 4, one, field.TYPE_INT64, ""),
            ("data", 5, many, field.TYPE_FLOAT, ""),
            ("shape", 7, one, nested, "BlobShape"),
        ],
        "V1LayerParameter": [
            ("name", 4, one, field.TYPE_STRING, ""),
            ("blobs", 6, many, nested, "BlobProto"),
        ],
        "LayerParameter": [
            ("name", 1, one, field.TYPE_STRING, ""),
            ("blobs", 7, many, nested, "BlobProto"),
        ],
        "NetParameter": [
            ("layers", 2, many, nested, "V1LayerParameter"),
            ("layer", 100, many, nested, "LayerParameter"),
        ],
    }
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
    for name, fields in messages.items():
        entry = file.message_type.add(name=name)
        for field_name, number, label, kind, of_message in fields:
            added = entry.field.add(name=field_name, number=number, label=label, type=kind)
            if of_message:
                added.type_name = f".caffe.{of_message}"
    # A pool of its own: the common one may hold the whole caffe.proto of another library.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe.NetParameter"))
