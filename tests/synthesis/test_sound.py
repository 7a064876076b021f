"""WAV files of generated speech: whole, streamed, and marked as such."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech.errors import BadAudio
from speech.wav import parse_wav
from synthesis.sound import NOTICE, Mark, marked_wav, pcm_of, stream_head, wav_of_pcm

SAMPLES = (np.sin(np.arange(22_050) / 20) * 12_000).astype(np.int16)


def info_of(wav: bytes) -> dict[str, str]:
    """The LIST/INFO items of a WAV, read by its own description."""
    position = 12
    while position + 8 <= len(wav):
        name, size = wav[position : position + 4], struct.unpack_from("<I", wav, position + 4)[0]
        if name == b"LIST":
            body, found, at = wav[position + 8 : position + 8 + size], {}, 4
            while at + 8 <= len(body):
                length = struct.unpack_from("<I", body, at + 4)[0]
                found[body[at : at + 4].decode()] = body[at + 8 : at + 8 + length].rstrip(b"\0").decode()
                at += 8 + length + length % 2
            return found
        position += 8 + size + size % 2
    return {}


def test_the_file_holds_the_samples_exactly_for_every_reader(tmp_path: Path) -> None:
    path = tmp_path / "spoken.wav"
    path.write_bytes(marked_wav(SAMPLES, 22_050, Mark("미나")))
    read, rate = soundfile.read(path, dtype="int16")
    assert rate == 22_050
    assert np.array_equal(read, SAMPLES)
    assert np.array_equal(parse_wav(path.read_bytes()).samples, SAMPLES)
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (1, 2, 22_050, len(SAMPLES))


def test_the_file_says_that_a_machine_speaks_and_which_voice() -> None:
    info = info_of(marked_wav(SAMPLES, 22_050, Mark("미나")))
    assert info["ICMT"] == NOTICE
    assert "AI-generated" in info["ICMT"]
    assert info["IART"] == "미나 (AI voice)"


def test_other_programs_read_the_mark(tmp_path: Path) -> None:
    path = tmp_path / "spoken.wav"
    path.write_bytes(marked_wav(SAMPLES, 22_050, Mark("Mina")))
    with soundfile.SoundFile(path) as file:
        assert file.copy_metadata()["comment"].startswith("AI-generated speech")


def test_the_pcm_of_a_file_comes_back() -> None:
    wav = marked_wav(SAMPLES, 24_000, Mark("미나"))
    assert pcm_of(wav) == (SAMPLES.tobytes(), 24_000)
    assert wav_of_pcm(SAMPLES.tobytes(), 24_000, Mark("미나"))[-100:] == wav[-100:]


@pytest.mark.parametrize("damaged", [b"", b"RIFF", marked_wav(SAMPLES, 22_050, Mark("미나"))[:-2], b"x" * 500])
def test_a_damaged_file_is_refused(damaged: bytes) -> None:
    with pytest.raises(BadAudio) as refusal:
        pcm_of(damaged)
    assert refusal.value.code == "damaged_sound"


def test_a_stream_of_unknown_length_is_read_to_its_end() -> None:
    stream = stream_head(22_050, Mark("미나")) + SAMPLES.tobytes()
    read, rate = soundfile.read(io.BytesIO(stream), dtype="int16")
    assert rate == 22_050
    assert np.array_equal(read, SAMPLES)
    assert "AI-generated" in info_of(stream)["ICMT"]
