"""WAV files of generated speech. Each says inside that a machine made it, and by which voice.

The mark lies in a LIST/INFO chunk before the sound, so that a stream of unknown length carries it as well.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from speech.errors import BadAudio
from speech.wav import to_int16

NOTICE = "AI-generated speech (synthetic voice), made with Moksori. 인공지능이 만든 목소리입니다."
_UNKNOWN_LENGTH = 0xFFFFFFFF  # what ffmpeg and others write at the head of a stream


@dataclass(frozen=True)
class Mark:
    """Who speaks: goes into the file beside the notice."""

    voice: str
    made_at: datetime | None = None

    def chunk(self) -> bytes:
        """A LIST/INFO chunk: comment, software, artist, genre and date."""
        made_at = self.made_at or datetime.now(tz=UTC)
        items = (
            (b"ICMT", NOTICE),
            (b"ISFT", "Moksori"),
            (b"IART", f"{self.voice} (AI voice)"),
            (b"IGNR", "AI-generated speech"),
            (b"ICRD", f"{made_at:%Y-%m-%d}"),
        )
        body = b"INFO" + b"".join(_item(name, text) for name, text in items)
        return b"LIST" + struct.pack("<I", len(body)) + body


def marked_wav(samples: npt.NDArray[np.int16] | npt.NDArray[np.float32], sample_rate: int, mark: Mark) -> bytes:
    """A whole PCM-16 mono WAV with its mark. `samples`: [S] int16, or float in -1..1; `sample_rate`: Hz."""
    pcm = to_int16(samples).astype("<i2").tobytes()
    return _head(sample_rate, mark, len(pcm)) + pcm


def wav_of_pcm(pcm: bytes, sample_rate: int, mark: Mark) -> bytes:
    """Like `marked_wav`, of PCM-16 bytes that are there already."""
    return _head(sample_rate, mark, len(pcm)) + pcm


def stream_head(sample_rate: int, mark: Mark) -> bytes:
    """The head of a WAV whose length nobody knows yet; PCM follows until the stream ends."""
    return _head(sample_rate, mark, None)


def pcm_of(wav: bytes) -> tuple[bytes, int]:
    """PCM-16 bytes and sample rate (Hz) of a WAV that this module wrote. Raises BadAudio for anything else."""
    position, sample_rate = 12, 0
    while wav[:4] == b"RIFF" and position + 8 <= len(wav):
        name, size = wav[position : position + 4], struct.unpack_from("<I", wav, position + 4)[0]
        start = position + 8
        if name == b"fmt ":
            sample_rate = struct.unpack_from("<I", wav, start + 4)[0]
        elif name == b"data" and sample_rate and start + size <= len(wav):
            return wav[start : start + size], sample_rate
        position = start + size + size % 2
    raise BadAudio("A spoken sentence in storage is damaged; speak the text again.", code="damaged_sound")


def _head(sample_rate: int, mark: Mark, pcm_bytes: int | None) -> bytes:
    info = mark.chunk()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    whole = _UNKNOWN_LENGTH if pcm_bytes is None else 4 + len(form) + len(info) + 8 + pcm_bytes
    data = _UNKNOWN_LENGTH if pcm_bytes is None else pcm_bytes
    return struct.pack("<4sI4s", b"RIFF", whole, b"WAVE") + form + info + struct.pack("<4sI", b"data", data)


def _item(name: bytes, text: str) -> bytes:
    value = text.encode() + b"\0"
    return name + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2)
