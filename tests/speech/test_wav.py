from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from speech.errors import BadAudio
from speech.wav import HEADER_BYTES, RATES, parse_wav, to_float32, to_int16, wav_bytes


def tone(seconds: float = 0.5, rate: int = 16_000) -> np.ndarray:
    return (10_000 * np.sin(np.arange(round(seconds * rate)) * 0.1)).astype(np.int16)


def with_format(**changes: int) -> bytes:
    """A good file whose format chunk says something else."""
    data = bytearray(wav_bytes(tone(), 16_000))
    offsets = {"tag": (20, "<H"), "channels": (22, "<H"), "rate": (24, "<I"), "byte_rate": (28, "<I"),
               "block": (32, "<H"), "bits": (34, "<H")}  # fmt: skip
    for name, value in changes.items():
        offset, layout = offsets[name]
        struct.pack_into(layout, data, offset, value)
    return bytes(data)


def with_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)
                    for name, payload in chunks)  # fmt: skip
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


FORMAT = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


def code_of(data: bytes) -> str:
    with pytest.raises(BadAudio) as caught:
        parse_wav(data)
    assert caught.value.message
    return caught.value.code


@pytest.mark.parametrize("rate", RATES)
def test_what_was_written_is_read_back_to_the_bit(rate: int) -> None:
    samples = tone(0.4, rate)
    wav = parse_wav(wav_bytes(samples, rate))
    assert wav.sample_rate == rate
    assert np.array_equal(wav.samples, samples)
    assert wav.seconds == pytest.approx(0.4, abs=1e-4)


def test_another_library_reads_the_same_samples() -> None:
    data = wav_bytes(tone(), 22_050)
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    assert rate == 22_050
    assert np.array_equal(samples, tone())
    assert len(data) == HEADER_BYTES + 2 * len(samples)


def test_a_file_of_another_library_is_read() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(), 16_000, format="WAV", subtype="PCM_16")
    assert np.array_equal(parse_wav(buffer.getvalue()).samples, tone())


def test_an_empty_file_is_refused() -> None:
    assert code_of(b"") == "empty_file"


def test_something_else_than_a_wav_file_is_refused() -> None:
    assert code_of(b"OggS" + bytes(100)) == "not_wav"
    assert code_of(b"RIFF") == "not_wav"


@pytest.mark.parametrize("cut", [1, 2, 1000])
def test_a_truncated_file_is_refused(cut: int) -> None:
    assert code_of(wav_bytes(tone(), 16_000)[:-cut]) == "truncated"


def test_a_chunk_longer_than_the_file_is_refused() -> None:
    data = bytearray(wav_bytes(tone(), 16_000))
    struct.pack_into("<I", data, 40, 2**32 - 1)
    assert code_of(bytes(data)) == "truncated"


def test_bytes_behind_the_end_are_refused() -> None:
    assert code_of(wav_bytes(tone(), 16_000) + b"more") == "not_wav"


@pytest.mark.parametrize(("changes", "code"), [
    ({"tag": 3}, "not_pcm16"), ({"tag": 0xFFFE}, "not_pcm16"), ({"bits": 24}, "not_pcm16"),
    ({"channels": 2}, "not_mono"), ({"channels": 96}, "not_mono"), ({"channels": 0}, "not_mono"),
    ({"rate": 1}, "bad_rate"), ({"rate": 11_025}, "bad_rate"),
    ({"byte_rate": 1}, "not_wav"), ({"block": 4}, "not_wav"),
])  # fmt: skip
def test_another_format_is_refused(changes: dict[str, int], code: str) -> None:
    assert code_of(with_format(**changes)) == code


def test_unknown_chunks_are_passed_over() -> None:
    data = with_chunks((b"LIST", b"odd"), (b"fmt ", FORMAT), (b"fact", b"1234"), (b"data", tone().tobytes()))
    assert np.array_equal(parse_wav(data).samples, tone())


def test_too_many_chunks_are_refused() -> None:
    chunks = [(b"junk", b"")] * 15
    assert code_of(with_chunks(*chunks, (b"fmt ", FORMAT), (b"data", tone().tobytes()))) == "too_many_chunks"


def test_two_data_chunks_are_refused() -> None:
    data = (b"data", tone().tobytes())
    assert code_of(with_chunks((b"fmt ", FORMAT), data, data)) == "not_wav"


def test_data_before_its_format_is_refused() -> None:
    assert code_of(with_chunks((b"data", tone().tobytes()), (b"fmt ", FORMAT))) == "not_wav"


def test_half_a_sample_is_refused() -> None:
    assert code_of(with_chunks((b"fmt ", FORMAT), (b"data", tone().tobytes() + b"x"))) == "truncated"


def test_a_take_too_short_and_one_too_long_are_refused() -> None:
    assert code_of(wav_bytes(tone(0.29), 16_000)) == "too_short"
    assert code_of(wav_bytes(tone(30.01), 16_000)) == "too_long"
    assert parse_wav(wav_bytes(tone(0.3), 16_000)).seconds == pytest.approx(0.3)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    for whole in (data, b"RIFF" + struct.pack("<I", len(data) + 4) + b"WAVE" + data):
        with pytest.raises(BadAudio):
            parse_wav(whole)


def test_float_samples_are_rounded_and_clipped() -> None:
    assert to_int16(np.array([-2.0, -1.0, 0.0, 0.5, 1.0], dtype=np.float32)).tolist() == [
        -32768,
        -32768,
        0,
        16384,
        32767,
    ]


def test_every_16_bit_value_survives_the_way_through_float() -> None:
    values = np.arange(-32768, 32768).astype(np.int16)
    assert np.array_equal(to_int16(to_float32(values)), values)


def test_samples_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(BadAudio, match="finite") as caught:
        wav_bytes(np.array([0.0, np.nan], dtype=np.float32), 16_000)
    assert caught.value.code == "not_finite"
