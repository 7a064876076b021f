from __future__ import annotations

from pathlib import Path

from speech.config import AudioConfig, TextConfig
from speech.manifest import ClipEntry, Manifest
from speech.preflight import JAMO, check
from speech.source import Skipped
from speech.text.symbols import INDEX

ALL_JAMO = tuple(INDEX[jamo] for jamo in JAMO)


def clip(number: int, *, frames: int = 0, symbols: tuple[int, ...] = (), held_out: bool = False) -> ClipEntry:
    """A clip whose text is all jamo and a part that is its own, read at about 8 frames a symbol."""
    said = symbols or (*ALL_JAMO, *(2 + int(digit) for digit in f"{number:05d}"))
    return ClipEntry(
        id=f"clip{number}", text="", reading="", symbols=said, frames=frames or 8 * len(said) + number % 7, offset=0,
        sample_count=(frames or 8 * len(said)) * 256, sample_offset=0, held_out=held_out, fingerprint="",
    )  # fmt: skip


def manifest(*entries: ClipEntry, skipped: int = 0) -> Manifest:
    lost = tuple(Skipped(f"lost{number}", "unreadable", "It cannot be decoded.") for number in range(skipped))
    return Manifest(Path(), AudioConfig(), TextConfig(), "1", entries, lost, "", "")


def good(count: int = 60) -> list[ClipEntry]:
    return [clip(number) for number in range(count)]


def codes(prepared: Manifest) -> list[str]:
    return [warning.code for warning in check(prepared)]


def test_good_clips_raise_no_warning() -> None:
    assert codes(manifest(*good())) == []


def test_little_speech_is_warned_of_in_minutes() -> None:
    warning = check(manifest(*good(20)))[0]
    assert warning.code == "little_speech"
    assert warning.params["minutes"] < 3
    seconds = manifest(clip(0)).seconds
    assert codes(manifest(*good(int(180 / seconds)))) == ["little_speech"]
    assert codes(manifest(*good(int(180 / seconds) + 1))) == []


def test_many_skipped_clips_are_warned_of() -> None:
    assert codes(manifest(*good(), skipped=3)) == []
    assert codes(manifest(*good(), skipped=10)) == ["many_skipped"]


def test_a_sound_that_only_a_held_out_clip_has_is_missing() -> None:
    lacking = tuple(symbol for symbol in ALL_JAMO if symbol not in (INDEX["ᄏ"], INDEX["ᆼ"]))
    few = [clip(number, symbols=(*lacking, *((2,) * (number + 1)))) for number in range(60)]
    warning = check(manifest(*few, clip(99, held_out=True)))[0]
    assert warning.code == "missing_jamo"
    assert warning.params["shown"] == ["ㅋ", "-ㅇ"]
    assert "ㅋ, -ㅇ" in warning.message


def test_a_clip_at_another_pace_is_named() -> None:
    warning = check(manifest(*good(), clip(70, frames=900)))[0]
    assert warning.code == "odd_pace"
    assert warning.params["ids"] == ["clip70"]
    assert "odd_pace" not in codes(manifest(*good(10), clip(70, frames=900)))  # too few to know the usual pace


def test_clips_longer_than_the_decoder_speaks_are_named() -> None:
    long = clip(71, symbols=ALL_JAMO * 3, frames=1100)
    assert codes(manifest(*good(), long)) == ["long_clips"]


def test_a_text_that_was_read_twice_is_named() -> None:
    twice = clip(72, symbols=clip(5).symbols)
    warning = check(manifest(*good(), twice))[0]
    assert (warning.code, warning.params["ids"]) == ("repeated_texts", ["clip72"])


def test_clips_without_any_sound_of_korean_lack_them_all() -> None:
    bare = [clip(number, symbols=(79,) * (number + 1), frames=8 * (number + 1)) for number in range(200)]
    warning = next(one for one in check(manifest(*bare)) if one.code == "missing_jamo")
    assert len(warning.params["shown"]) == 47
    assert "".join(warning.params["shown"][:3]) == "ㄱㄲㄴ"


def test_the_clips_of_a_real_speaker_are_fit(lmy_prepared: Manifest) -> None:
    assert not {"little_speech", "many_skipped", "odd_pace", "repeated_texts"} & set(codes(lmy_prepared))
