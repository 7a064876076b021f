"""What stands at the head of a checkpoint, readable without torch: what it is, and how it was made.

A checkpoint is a safetensors file. Its metadata holds one key, `moksori`, with this header as JSON.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech.config import Settings
from speech.errors import BadCheckpoint, BadConfig

if TYPE_CHECKING:
    import torch

FORMAT = 1
METADATA_KEY = "moksori"
_LONGEST_HEADER = 64 * 2**20  # bytes; the header of a large network is some 100 KB


@dataclass(frozen=True)
class Header(Settings):
    """Everything but the tensors. `kind`: "acoustic" or "vocoder"; `model`: the name of the file in `speech/`."""

    kind: str
    model: str
    config: dict[str, Any]  # the model's own Config
    size: str = ""  # the preset it started from
    symbols: tuple[str, ...] = ()  # names of the embedding's rows
    front_end: dict[str, Any] = field(default_factory=dict)  # {version, mode, dictionary_sha256}
    audio: dict[str, Any] = field(default_factory=dict)  # AudioConfig
    text: dict[str, Any] = field(default_factory=dict)  # TextConfig
    training: dict[str, Any] = field(default_factory=dict)  # TrainingConfig
    step: int = 0
    losses: dict[str, float] = field(default_factory=dict)  # held out
    base: str = ""  # the checkpoint that it was warm-started from
    teacher: str = ""  # the acoustic model on whose mels a vocoder was trained: file name and hash, as of the base
    pace: float = 0.0  # syllables a second of the clips that an acoustic model learned from; 0: unknown
    tensors_sha256: str = ""
    format: int = FORMAT

    def describe(self) -> str:
        """As an error names it: "a vocoder (waveglow, step 400)"."""
        article = "an" if self.kind[:1] in "aeiou" else "a"
        return f"{article} {self.kind} ({self.model}, step {self.step})"


@dataclass(frozen=True)
class Checkpoint:
    """A header and its tensors by parameter name, on the CPU."""

    header: Header
    tensors: dict[str, torch.Tensor]
    source: str = ""  # where it came from, for messages


def read_header(path: Path) -> Header:
    """The header alone, in milliseconds, without torch. The tensors' hash is not checked here.

    Raises BadCheckpoint that says what the file is instead.
    """
    return parse_header(read_metadata(path).get(METADATA_KEY), path)


def parse_header(text: str | None, path: Path) -> Header:
    """Raises BadCheckpoint when `text` is no header of this format."""
    if text is None:
        raise BadCheckpoint(
            f"{path.name} is a safetensors file, but not one of Moksori's: it does not say which model it is of. "
            "Import the checkpoint that it was made from.",
            code="no_header",
            path=str(path),
        )
    try:
        data = json.loads(text)
        if data["format"] > FORMAT:
            raise BadCheckpoint(
                f"{path.name} was written by a newer Moksori (format {data['format']}, this one reads {FORMAT}). "
                "Update this installation.",
                code="newer_format",
                path=str(path),
            )
        return Header.from_json(data)
    except (ValueError, KeyError, TypeError, RecursionError, BadConfig) as error:
        raise _damaged(path, f"its header cannot be read ({error})") from error


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file, read strictly. Raises BadCheckpoint."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= min(_LONGEST_HEADER, size - 8):
                raise not_a_checkpoint(path, start)
            text = file.read(length)
    except FileNotFoundError as error:
        raise BadCheckpoint(f"There is no file {path}.", code="missing", path=str(path)) from error
    except IsADirectoryError as error:
        raise BadCheckpoint(f"{path} is a folder; name a checkpoint in it.", code="folder", path=str(path)) from error
    if text[:1] != b"{":
        raise not_a_checkpoint(path, start)
    try:
        metadata = json.loads(text).get("__metadata__", {})
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its table of tensors is no JSON") from error
    if not isinstance(metadata, dict):
        raise _damaged(path, "its table of tensors says of itself what is no table")
    return {str(name): str(value) for name, value in metadata.items()}


def not_a_checkpoint(path: Path, start: bytes) -> BadCheckpoint:
    """The error for a file that begins with `start`, naming what it is."""
    kinds = {
        b"": "an empty file",
        b"PK\x03\x04": "a PyTorch (.pt) or zip file; import it first",
        b"\x80\x02": "an old PyTorch (pickle) file; import it first",
        b"RIFF": "a WAV file",
        b"fLaC": "a FLAC file",
        b"\x89HDF": "an HDF5 (Keras) file",
    }
    is_what = next((words for magic, words in kinds.items() if magic and start.startswith(magic)), "something else")
    return BadCheckpoint(
        f"{path.name} is no checkpoint of Moksori (a .safetensors file): it is {is_what if start else kinds[b'']}.",
        code="not_a_checkpoint",
        path=str(path),
        found=is_what,
    )


def _damaged(path: Path, why: str) -> BadCheckpoint:
    return BadCheckpoint(
        f"{path.name} is damaged: {why}. Take another checkpoint, or copy this one again.",
        code="damaged",
        path=str(path),
    )
