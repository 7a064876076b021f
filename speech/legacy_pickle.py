"""Files that torch wrote before version 1.6, read with nothing of them run.

Such a file is a row of pickles (magic number, version, system, the object, names of its storages) and then the bytes of
the storages. The unpickler here knows how to put tensors together; modules of published networks are read as `Inert`,
which keeps their state and does nothing; whatever else a pickle names ends the reading before it is looked up.
"""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch

from speech import pickle_guard

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
_INERT = ("glow.", "torch.nn.", "numpy.")  # named in published files; never imported from here
_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class Inert:
    """Takes a pickled object's arguments and attributes and does nothing."""

    def __init__(self, *_: Any) -> None: ...

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)


class ForeignName(pickle.UnpicklingError):
    """The pickle names something that is no part of a published network."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def load(path: Path) -> Any:
    """The object of a file, its tensors on the CPU.

    Raises ForeignName, or what pickle raises for bytes that are none (UnpicklingError, EOFError, ValueError …).
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if _plain(file, size) != MAGIC or _plain(file, size) != PROTOCOL:
            raise pickle.UnpicklingError("not torch's magic number")
        if not _plain(file, size).get("little_endian", True):
            raise ValueError("written on a big-endian machine")
        pickle_guard.check(file, size)
        reader = _Reader(file, size)
        content = reader.load()
        for key in _plain(file, size):
            reader.fill(str(key))
        return content


def _plain(file: IO[bytes], size: int) -> Any:
    pickle_guard.check(file, size)
    return _Plain(file).load()


class _Plain(pickle.Unpickler):
    """Numbers, strings and containers alone."""

    def find_class(self, module: str, name: str) -> Any:
        raise ForeignName(f"{module}.{name}")


class _Reader(pickle.Unpickler):
    def __init__(self, file: IO[bytes], size: int) -> None:
        super().__init__(file)
        self._file, self._size, self._left = file, size, size
        self._storages: dict[str, torch.Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        whole = f"{module}.{name}"
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) in (("__builtin__", "set"), ("builtins", "set")):
            return set
        if module in ("torch", "torch.cuda") and name in _DTYPES:
            return type(name, (), {"dtype": _DTYPES[name]})
        if module == "torch._utils" and (build := _builders().get(name)):
            return build
        if whole.startswith(_INERT):
            return type(name, (Inert,), {})
        raise ForeignName(whole)

    def persistent_load(self, pid: Any) -> Any:
        """('module', class, …) → the class; ('storage', type, key, place, count, view) → its elements, still empty."""
        if pid[0] == "module":
            return pid[1]
        if pid[0] != "storage":
            raise pickle.UnpicklingError(f"it refers to a {pid[0]!r}")
        _, kind, key, _, count, *view = pid
        if key not in self._storages:
            self._left -= count * kind.dtype.itemsize
            if count < 0 or self._left < 0:
                raise ValueError(f"a storage of {count} elements in a file of {self._size} bytes")
            self._storages[key] = torch.empty(count, dtype=kind.dtype)
        storage = self._storages[key]
        if view and view[0] is not None:
            _, offset, length = view[0]
            return storage[offset : offset + length]
        return storage

    def fill(self, key: str) -> None:
        """Read the next storage's elements."""
        storage = self._storages[key]
        (count,) = struct.unpack("<q", self._file.read(8))
        content = self._file.read(storage.nbytes)
        if count != storage.numel() or len(content) != storage.nbytes:
            raise EOFError(f"storage {key} is cut off")
        if count:
            storage.copy_(torch.frombuffer(bytearray(content), dtype=storage.dtype))


def _builders() -> dict[str, Callable[..., torch.Tensor]]:
    """New ones for every name: a pickle can set attributes of what it is given."""

    def tensor(storage: torch.Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Any:
        return storage.as_strided(size, stride, offset)

    def parameter(data: torch.Tensor, *_: Any) -> Any:
        return data

    return {"_rebuild_tensor": tensor, "_rebuild_tensor_v2": tensor, "_rebuild_parameter": parameter}
