"""Decodes sound files of any format in a child process with limits: a hostile or broken file kills the child only.

The child is `python -m studio.decoding`. It says `ready`, reads one JSON line `{"path": …}` a file, and answers each
with one JSON line, `{"rate", "bytes"}` followed by that many bytes of PCM-16, or `{"code", "message", "params"}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from speech.errors import BadAudio
from speech.wav import Wav, to_int16

SECONDS_A_FILE = 30
MEMORY_BYTES = 4 * 1024**3  # of address space; thread stacks and libraries reserve most of it
ROOT = Path(__file__).resolve().parent.parent


class Decoder:
    """A child that decodes one file after the other; a new one is started when it was killed. Use it in `with`."""

    def __init__(self, seconds: float = SECONDS_A_FILE) -> None:
        self.seconds = seconds
        self.child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def decode(self, path: Path) -> Wav:
        """The samples of a file at their own rate. Raises BadAudio; `undecodable` when the child died or hung."""
        child = self.child = self.child or _start()
        if child.stdin is None or child.stdout is None:
            raise RuntimeError("The child was started without pipes.")
        timer = threading.Timer(self.seconds, child.kill)
        timer.start()
        try:
            child.stdin.write(json.dumps({"path": str(path.resolve())}).encode() + b"\n")
            child.stdin.flush()
            answer = json.loads(child.stdout.readline() or b"null")
            body = _read_exactly(child.stdout, answer["bytes"]) if answer and "bytes" in answer else b""
        except (BrokenPipeError, ValueError, EOFError):
            answer = None
        finally:
            timer.cancel()
        if answer is None:
            self._end()
            raise BadAudio(f"{path.name} cannot be decoded within the limits.", code="undecodable", name=path.name)
        if "code" in answer:
            raise BadAudio(answer["message"], code=answer["code"], **answer["params"])
        return Wav(np.frombuffer(body, dtype="<i2").astype(np.int16), int(answer["rate"]))

    def _end(self) -> None:
        child, self.child = self.child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def _start() -> subprocess.Popen[bytes]:
    """A child that waits for files: on a busy machine its start may take longer than any file is allowed to."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    child = subprocess.Popen(
        [sys.executable, "-m", "studio.decoding"],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if child.stdout is not None:
        child.stdout.readline()
    return child


def _read_exactly(pipe: IO[bytes], count: int) -> bytes:
    body = pipe.read(count)
    if len(body) != count:
        raise EOFError
    return body


def _limit() -> None:
    """Memory for this process only; not every system has the limit."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _serve() -> None:
    """The child's loop, until standard input closes."""
    from speech.audio import load

    _limit()
    sys.stdout.buffer.write(b"ready\n")
    sys.stdout.buffer.flush()
    for line in sys.stdin.buffer:
        try:
            samples, rate = load(Path(json.loads(line)["path"]))
            body = to_int16(samples).astype("<i2").tobytes()
            head: dict[str, Any] = {"rate": rate, "bytes": len(body)}
        except BadAudio as error:
            body, head = b"", error.to_json()
        except MemoryError:
            body, head = b"", {"code": "undecodable", "message": "The file needs too much memory.", "params": {}}
        sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + body)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
