"""A pickle looked over before anything reads it: one of a few bytes can ask for gigabytes, or for a crash.

Python's own reader makes room for as many notes ("memo") as the highest number that is named, and one of nested tuples
ends the process when the outermost is looked up, which no exception handler sees. Here nothing is built: every
operation is only read. What a checkpoint needs is far within these bounds.
"""

from __future__ import annotations

import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import IO, Any

_DEEPEST = 50  # tuples within tuples
_MARK = -1
_NOTES = {"PUT", "BINPUT", "LONG_BINPUT"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def check(file: IO[bytes], size: int) -> None:
    """Read one pickle of a file of `size` bytes, and stand where it began again.

    Raises UnpicklingError, ValueError or EOFError for one that no one should read.
    """
    start = file.tell()
    stack: list[int] = []  # of what lies there, how deep its tuples are; only these are looked up within
    notes: dict[int, int] = {}
    argument: Any
    for count, (operation, argument, _) in enumerate(pickletools.genops(file)):
        name = operation.name
        try:
            if name in _NOTES or name == "MEMOIZE":
                number = len(notes) if name == "MEMOIZE" else int(argument)
                if number > count:
                    raise pickle.UnpicklingError(f"it keeps note {number} of {count} operations")
                notes[number] = stack[-1]
            elif name in _GETS:
                stack.append(notes[int(argument)])
            elif name == "FRAME" and argument > size:
                raise pickle.UnpicklingError(f"a frame of {argument} bytes in a file of {size}")
            elif name == "DUP":
                stack.append(stack[-1])
            elif name in _TUPLES or name == "TUPLE":
                inner = _until_mark(stack) if name == "TUPLE" else _last(stack, _TUPLES[name])
                stack.append(1 + max(inner, default=0))
                if stack[-1] > _DEEPEST:
                    raise pickle.UnpicklingError(f"more than {_DEEPEST} tuples within each other")
            else:
                _other(operation, stack)
        except (IndexError, KeyError) as error:
            raise pickle.UnpicklingError(f"{name} finds nothing there") from error
    file.seek(start)


def check_zip(path: Path) -> None:
    """The pickle in a file of today's torch, and that none of its records grows as it is unpacked."""
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as records:
            listed = records.infolist()
            if any(one.compress_type != zipfile.ZIP_STORED for one in listed):
                raise pickle.UnpicklingError("its records are compressed")
            if len({one.filename for one in listed}) < len(listed) or sum(one.file_size for one in listed) > size:
                raise pickle.UnpicklingError("its records lie over each other")
            for one in listed:
                if one.filename.endswith(".pkl"):
                    with records.open(one) as file:
                        check(file, size)
    except zipfile.BadZipFile as error:
        raise pickle.UnpicklingError(str(error)) from error


def _until_mark(stack: list[int]) -> list[int]:
    inner = []
    while (top := stack.pop()) != _MARK:
        inner.append(top)
    return inner


def _last(stack: list[int], count: int) -> list[int]:
    return [stack.pop() for _ in range(count)]


def _other(operation: Any, stack: list[int]) -> None:
    """What an operation takes off the stack and lays on it, by pickletools' own table."""
    before = list(operation.stack_before)
    if pickletools.markobject in before and operation.name != "MARK":
        _until_mark(stack)
        before = before[: before.index(pickletools.markobject)]
    _last(stack, len(before))
    for one in operation.stack_after:
        stack.append(_MARK if one is pickletools.markobject else 0)
