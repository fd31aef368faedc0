"""Pickles of NumPy arrays, read without unpickling: nothing that a file names is called."""

import dataclasses
import io
import math
import pickletools
import re

import numpy as np

MAX_OPCODES = 10_000_000  # An array takes about 25.
# Python's unpickler is not used, not even with a list of allowed functions: it allocates what a file asks
# for (a memo of 2^32 places), hashes nested tuples without end, and hands any state to NumPy's own C code.
# The few opcodes that numpy.save and pickle.dump write for arrays are all here.
_NUMBER_OPCODES = ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT")
_TEXT_OPCODES = ("BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING")
_BYTES_OPCODES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")
_LITERALS = frozenset(_NUMBER_OPCODES + _TEXT_OPCODES + _BYTES_OPCODES)
_CONTAINER_OPCODES = ("EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS", "TUPLE", "MARK")
_MEMO_OPCODES = ("BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET")
_CALL_OPCODES = ("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD")
_FRAMING_OPCODES = ("PROTO", "FRAME", "STOP")
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_KNOWN = {
    *_LITERALS,
    *_CONSTANTS,
    *_TUPLES,
    *_CONTAINER_OPCODES,
    *_MEMO_OPCODES,
    *_CALL_OPCODES,
    *_FRAMING_OPCODES,
}
_OPCODES = {op.code.encode("latin-1"): op for op in pickletools.opcodes if op.name in _KNOWN}
_NUMBERS = re.compile(r"[<>=|]?(f[248]|[iu][1248]|b1)")
_OBJECTS = re.compile(r"[<>=|]?O[48]?")
_MAX_DIMENSIONS = 8


@dataclasses.dataclass
class PickledArray:
    """Holds an array of a pickle.

    Attributes:
        values: A NumPy array of numbers, which cannot be written to, or the list of a one-dimensional array's
            objects.
    """

    values: object = None


@dataclasses.dataclass(frozen=True)
class _Name:
    """Stands for a function or class which the pickle names."""

    name: str


@dataclasses.dataclass
class _DType:
    code: str
    order: str = ""


_RECONSTRUCT, _FROM_BUFFER, _NDARRAY, _DTYPE, _ENCODE, _BYTES = map(
    _Name, ("_reconstruct", "_frombuffer", "ndarray", "dtype", "encode", "bytes")
)
_NAMES = {
    "numpy.core.multiarray _reconstruct": _RECONSTRUCT,
    "numpy._core.multiarray _reconstruct": _RECONSTRUCT,  # NumPy 2 gave its modules other names.
    "numpy.core.numeric _frombuffer": _FROM_BUFFER,
    "numpy._core.numeric _frombuffer": _FROM_BUFFER,
    "numpy ndarray": _NDARRAY,
    "numpy dtype": _DTYPE,
    "_codecs encode": _ENCODE,  # So Python 3 writes bytes in protocol 2,
    "__builtin__ bytes": _BYTES,  # and so if there are none.
}


def load(data):
    """Reads a pickle of the protocols 2 to 5 that holds NumPy arrays.

    Time and memory are linear in the pickle's length. No array may be in it twice.

    Args:
        data: Bytes.
    Returns: What the pickle holds: dicts with text for keys, lists, tuples, text, bytes, numbers, None and
        `PickledArray`. Bytes in protocol 2 are text in Latin-1.
    Raises: `ValueError` if the pickle is damaged, has more than `MAX_OPCODES` or holds anything else.
    """
    machine = _Machine(len(data))
    for name, argument, position in _opcodes(io.BytesIO(data)):
        try:
            machine.step(name, argument)
        except IndexError:  # Of a stack that is too short.
            raise ValueError(f"damaged at byte {position}, {name}") from None
    if len(machine.stack) != 1:
        raise ValueError(f"damaged at its end, which leaves {len(machine.stack)} objects instead of 1")
    return machine.stack[0]


def _opcodes(file):
    """Yields the name, the argument and the place of each opcode before STOP."""
    for _ in range(MAX_OPCODES):
        position = file.tell()
        code = file.read(1)
        if not code:
            raise ValueError("damaged: it ends too early")
        if code not in _OPCODES:
            raise ValueError(f"with the opcode {code!r}, which no array takes, at byte {position}")
        opcode = _OPCODES[code]
        if opcode.name == "STOP":
            return
        if opcode.name == "GLOBAL":
            # pickletools would read escapes here, and warn of those that are none.
            argument = b" ".join(file.readline().rstrip(b"\n") for _ in range(2)).decode("ascii")
        else:
            argument = opcode.arg.reader(file) if opcode.arg else None
        yield opcode.name, argument, position
    raise ValueError(f"of more than {MAX_OPCODES} opcodes")


class _Machine:
    """Keeps the stack, the marks on it and the memo while a pickle's opcodes are followed."""

    def __init__(self, num_bytes):
        self.stack, self.marks, self.memo = [], [], {}
        self.num_bytes_left = num_bytes  # Each array has its own bytes in the pickle.

    def step(self, opcode, argument):
        stack = self.stack
        if opcode in _LITERALS:
            stack.append(argument)
        elif opcode in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if opcode == "MEMOIZE" else argument] = stack[-1]
        elif opcode in ("BINGET", "LONG_BINGET"):
            stack.append(self.remembered(argument))
        elif opcode in _TUPLES:
            stack.append(tuple(self.pop(_TUPLES[opcode])))
        elif opcode == "MARK":
            self.marks.append(len(stack))
        elif opcode == "TUPLE":
            stack.append(tuple(self.pop_to_mark()))
        elif opcode == "REDUCE":
            name, arguments = self.pop(2)
            stack.append(self.called(name, arguments))
        elif opcode == "BUILD":
            state = stack.pop()
            self.build(stack[-1], state)
        elif opcode in _CONSTANTS:
            stack.append(_CONSTANTS[opcode])
        elif opcode == "EMPTY_LIST":
            stack.append([])
        elif opcode == "EMPTY_DICT":
            stack.append({})
        elif opcode in ("APPEND", "APPENDS"):
            items = self.pop(1) if opcode == "APPEND" else self.pop_to_mark()
            _expect(stack[-1], list).extend(items)
        elif opcode in ("SETITEM", "SETITEMS"):
            items = self.pop(2) if opcode == "SETITEM" else self.pop_to_mark()
            # Hashing text is cheap, hashing a tuple of tuples may not be.
            keys = [_expect(key, str) for key in items[::2]]
            _expect(stack[-1], dict).update(zip(keys, items[1::2], strict=True))
        elif opcode == "GLOBAL":
            stack.append(_named(argument))
        elif opcode == "STACK_GLOBAL":
            module, name = self.pop(2)
            stack.append(_named(f"{_expect(module, str)} {_expect(name, str)}"))
        elif opcode == "PROTO" and not 2 <= argument <= 5:
            raise ValueError(f"of protocol {argument} instead of 2 to 5")

    def pop(self, count):
        if len(self.stack) < count:
            raise IndexError
        start = len(self.stack) - count
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def pop_to_mark(self):
        return self.pop(max(0, len(self.stack) - self.marks.pop()))

    def remembered(self, key):
        if key not in self.memo:
            raise ValueError(f"damaged: it has no object {key} yet")
        value = self.memo[key]
        if isinstance(value, PickledArray):
            raise ValueError("with one array in two places")
        return value

    def called(self, name, arguments):
        """Returns what a function of the pickle would return, for the few that are known."""
        _expect(arguments, tuple)
        if name is _RECONSTRUCT and arguments[0] is _NDARRAY:
            return PickledArray()
        if name is _DTYPE:
            return _DType(_expect(arguments[0], str))
        if name is _ENCODE and arguments[1] == "latin1":
            return _expect(arguments[0], str)
        if name is _BYTES and arguments == ():
            return ""
        if name is _FROM_BUFFER:
            raw, dtype, shape, order = arguments
            return PickledArray(self.array(_expect(shape, tuple), dtype, order == "F", raw))
        raise ValueError("with a call of something else than NumPy's functions for arrays")

    def build(self, value, state):
        """Completes an array or a dtype by its state."""
        _expect(state, tuple)
        if isinstance(value, _DType):
            _, order, *parts = state[:5]
            if any(part is not None for part in parts):
                raise ValueError("with an array of records")
            value.order = _expect(order, str)[:1]
        elif isinstance(value, PickledArray) and value.values is None:
            _, shape, dtype, is_fortran, raw = state
            value.values = self.array(_expect(shape, tuple), dtype, is_fortran, raw)
        else:
            raise ValueError("with the state of something else than an array")

    def array(self, shape, dtype, is_fortran, raw):
        code = _expect(dtype, _DType).order + dtype.code
        count = math.prod(_expect(side, int) for side in shape[:_MAX_DIMENSIONS])
        if _OBJECTS.fullmatch(code) and shape == (len(_expect(raw, list)),):
            return raw
        if not _NUMBERS.fullmatch(code):
            raise ValueError(f"with an array of dtype {code[:20]!r}, not of numbers")
        raw = raw.encode("latin-1") if isinstance(raw, str) else _expect(raw, bytes, bytearray)
        dtype = np.dtype(code)
        self.num_bytes_left -= len(raw)
        is_possible = len(shape) <= _MAX_DIMENSIONS and all(0 <= side < 2**31 for side in shape)
        if not is_possible or count * dtype.itemsize != len(raw):
            raise ValueError(f"damaged: {len(raw)} bytes for an array {str(shape)[:80]} of {dtype}")
        if self.num_bytes_left < 0:
            raise ValueError("with one array's bytes in two places")
        return np.frombuffer(raw, dtype).reshape(shape, order="F" if is_fortran else "C")


def _named(name):
    if name not in _NAMES:
        raise ValueError(f"with {name[:80]!r}, which is not among NumPy's functions for arrays")
    return _NAMES[name]


def _expect(value, *types):
    if type(value) not in types:
        names = " or ".join(kind.__name__ for kind in types)
        raise ValueError(f"damaged: {type(value).__name__} where {names} is due")
    return value
