"""WAV files as this project keeps them: RIFF, PCM, 16 bit, mono. A strict parser of its own and a canonical writer.

Uploads come from anywhere, and general decoders accept NaN, 96 channels, 1 Hz and truncated data. So what arrives is
read here, byte by byte, and written again canonically; nothing of the sender's file is kept but its samples.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speech.errors import BadAudio

RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)  # Hz
MIN_SECONDS = 0.3
MAX_SECONDS = 30.0
MAX_CHUNKS = 16
HEADER_BYTES = 44
FULL_SCALE = 32_768

Int16Array = npt.NDArray[np.int16]
Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Wav:
    """Sound as it was recorded; `samples`: [S] int16, `sample_rate`: Hz."""

    samples: Int16Array
    sample_rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate


def parse_wav(data: bytes) -> Wav:
    """The samples of a whole PCM-16 mono WAV file of 0.3 to 30 s.

    Raises BadAudio with `code` empty_file, not_wav, not_pcm16, not_mono, bad_rate, truncated, too_short, too_long or
    too_many_chunks; `params` holds what was found and what is allowed. Bytes behind the end are not_wav.
    """
    if not data:
        raise BadAudio("The file is empty; record the sentence again.", code="empty_file")
    sample_rate: int | None = None
    body: memoryview | None = None
    for name, payload in _chunks(data):
        if name == b"fmt ":
            if sample_rate is not None:
                raise _not_wav("it has two format chunks")
            sample_rate = _parse_format(payload)
        elif name == b"data":
            if sample_rate is None or body is not None:
                raise _not_wav("its data chunk comes before the format, or twice")
            body = payload
    if sample_rate is None or body is None:
        raise _not_wav("it has no format or no data chunk")
    if len(body) % 2:
        raise BadAudio("The WAV file ends within a sample; send it again.", code="truncated", data_bytes=len(body))
    _check_seconds(len(body) // 2 / sample_rate)
    samples = np.frombuffer(body, dtype="<i2").astype(np.int16)
    samples.flags.writeable = False
    return Wav(samples, sample_rate)


def wav_bytes(samples: Int16Array | Float32Array, sample_rate: int) -> bytes:
    """A canonical WAV file: 44 bytes of header, then PCM-16. `samples`: [S] int16, or float in -1..1 (clipped).

    Raises BadAudio (not_finite, not_mono) for samples that no file can hold.
    """
    body = to_int16(samples).astype("<i2").tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", HEADER_BYTES - 8 + len(body), b"WAVE", b"fmt ", 16, 1, 1,
        sample_rate, 2 * sample_rate, 2, 16, b"data", len(body),
    )  # fmt: skip
    return header + body


def to_int16(samples: Int16Array | Float32Array) -> Int16Array:
    """[S] float in -1..1 → [S] int16, rounded and clipped; int16 passes through. The inverse of `to_float32`."""
    if samples.ndim != 1:
        raise BadAudio(
            f"Sound must be mono, [S]; this has the shape {samples.shape}.", code="not_mono", shape=list(samples.shape)
        )
    if samples.dtype == np.int16:
        return samples.astype(np.int16, copy=False)
    if not np.isfinite(samples).all():
        raise BadAudio("The sound has samples that are not finite numbers.", code="not_finite")
    scaled = np.rint(samples.astype(np.float64) * FULL_SCALE)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def to_float32(samples: npt.NDArray[np.int16] | npt.NDArray[np.float32]) -> Float32Array:
    """[S] int16 → [S] float32 in -1..1; float passes through."""
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / np.float32(FULL_SCALE)
    return samples.astype(np.float32, copy=False)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Name and payload of each chunk; the sizes must fill the file to its last byte."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise _not_wav("it does not begin with RIFF … WAVE")
    end = struct.unpack_from("<I", data, 4)[0] + 8
    if end > len(data):
        raise BadAudio(
            f"The WAV file says {end} bytes but has {len(data)}; send it again.",
            code="truncated", expected=end, found=len(data),
        )  # fmt: skip
    if end < len(data):
        raise _not_wav(f"{len(data) - end} bytes follow its end")
    view, position, count = memoryview(data), 12, 0
    while position < end:
        count += 1
        if count > MAX_CHUNKS:
            raise BadAudio(
                f"The WAV file has more than {MAX_CHUNKS} chunks; save it as a plain WAV file.",
                code="too_many_chunks", limit=MAX_CHUNKS,
            )  # fmt: skip
        if position + 8 > end:
            raise BadAudio("The WAV file ends within a chunk's header.", code="truncated", found=len(data))
        name, size = bytes(view[position : position + 4]), struct.unpack_from("<I", data, position + 4)[0]
        position += 8
        if position + size > end:
            raise BadAudio(
                f"A chunk of the WAV file says {size} bytes but {end - position} are left; send it again.",
                code="truncated", expected=size, found=end - position,
            )  # fmt: skip
        yield name, view[position : position + size]
        position = min(position + size + size % 2, end)  # odd chunks are padded; some writers forget the last pad


def _parse_format(payload: memoryview) -> int:
    """The sample rate of a `fmt ` chunk that says PCM, 16 bit, mono and nothing contradictory."""
    if len(payload) not in (16, 18, 40):
        raise _not_wav(f"its format chunk has {len(payload)} bytes")
    tag, channels, rate, byte_rate, block, bits = struct.unpack_from("<HHIIHH", payload)
    if tag != 1 or bits != 16:
        raise BadAudio(
            f"The WAV file must be PCM of 16 bits; this has format {tag} with {bits} bits.",
            code="not_pcm16", format=tag, bits=bits,
        )  # fmt: skip
    if channels != 1:
        raise BadAudio(f"The WAV file must be mono; this has {channels} channels.", code="not_mono", channels=channels)
    if rate not in RATES:
        raise BadAudio(
            f"The sample rate {rate} Hz is not one of {', '.join(map(str, RATES))}.",
            code="bad_rate", rate=rate, allowed=list(RATES),
        )  # fmt: skip
    if block != 2 or byte_rate != 2 * rate:
        raise _not_wav("its format chunk contradicts itself")
    return int(rate)


def _check_seconds(seconds: float) -> None:
    if seconds < MIN_SECONDS:
        raise BadAudio(
            f"The take lasts {seconds:.2f} s; at least {MIN_SECONDS} s are needed.",
            code="too_short", seconds=round(seconds, 3), limit=MIN_SECONDS,
        )  # fmt: skip
    if seconds > MAX_SECONDS:
        raise BadAudio(
            f"The take lasts {seconds:.1f} s; at most {MAX_SECONDS:.0f} s are taken.",
            code="too_long", seconds=round(seconds, 3), limit=MAX_SECONDS,
        )  # fmt: skip


def _not_wav(why: str) -> BadAudio:
    return BadAudio(f"This is no WAV file that can be read: {why}.", code="not_wav", why=why)
