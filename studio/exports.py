"""A speaker's takes as a corpus that other programs train on, or that another studio of ours takes in whole."""

from __future__ import annotations

import hashlib
import json
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from django.utils.translation import gettext as _

from speech import clean, quality
from speech.audio import resample, write
from speech.errors import SpeechError
from speech.files import write_text_atomic
from speech.text import read
from speech.wav import Wav, parse_wav, to_float32
from studio import files, selectors
from studio.dictionary import dictionary_for
from studio.errors import Refused, person_message
from studio.models import Clip, Speaker

Form = Literal["ljspeech", "filelist", "moksori"]
FORMS: tuple[Form, ...] = get_args(Form)
RATE = 22_050  # Hz, of LJSpeech and of all that was trained on it
VALIDATION = 0.05
SEED = 1234


@dataclass
class Exported:
    """What was written. `left_out`: (clip, why)."""

    written: int = 0
    validation: int = 0  # of those
    seconds: float = 0.0
    left_out: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Line:
    name: str
    text: str
    spelled: str  # numbers, Latin letters and signs as they are said
    clip: Clip


def clips_export(
    *, speaker: Speaker, form: Form, folder: Path, validation: float = VALIDATION, seed: int = SEED,
    on_start: Callable[[int], None], on_clip: Callable[[], object],
) -> Exported:  # fmt: skip
    """Writes the kept takes of a speaker into a new folder; what cannot be written is listed, the rest goes out.

    `ljspeech` and `filelist`: 22.05 kHz, trimmed as for training, at the level of the recording, and the text as it is
    said in the last column; `filelist` with the share `validation` of the clips in a list of its own: whole sentences,
    so that none is on both sides. `moksori`: the masters, bit for bit, with text, reading and trim. The folder is there
    only when it is whole. Raises Refused: no_consent, not_empty.
    """
    if selectors.consent_in_force(speaker) is None:
        raise Refused("no_consent", _("동의가 없는 화자의 녹음은 내보낼 수 없어요."), 403)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(
            "not_empty", _("%(folder)s에 이미 무언가 있어요. 빈 폴더를 알려 주세요.") % {"folder": folder}, 409
        )
    clips = selectors.clips_kept(speaker).order_by("created_at", "id")
    folder = folder.resolve()  # "." has no name to write beside, and a link is where it leads to
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    (beside / "wavs").mkdir(parents=True)
    result, lines, dictionary = Exported(), [], dictionary_for(speaker)
    on_start(clips.count())
    try:
        for clip in clips.iterator():
            try:
                line = _line(clip, speaker, dictionary, form)
                result.seconds += _write_sound(clip, beside / "wavs" / f"{line.name}.wav", form)
                lines.append(line)
            except (SpeechError, Refused, FileNotFoundError) as error:
                result.left_out.append((f"{clip.pk} {clip.text}", _why(error)))
            on_clip()
        result.written = len(lines)
        result.validation = _write_lists(lines, beside, speaker, form, validation, seed)
        beside.replace(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return result


def _line(clip: Clip, speaker: Speaker, dictionary: dict[str, str], form: Form) -> _Line:
    text, spelled = " ".join(clip.text.split()), clip.reading
    if not spelled:
        reading = read(text, dictionary=dictionary).reading
        spelled = text if _letters(reading) == _letters(text) else reading
    if form != "moksori" and "|" in text + spelled:
        raise Refused("pipe", _("글에 ‘|’가 있어요. 이 형식에서는 칸을 나누는 글자예요."))
    return _Line(f"{speaker.name}-{clip.pk.hex[:12]}", text, " ".join(spelled.split()), clip)


def _write_sound(clip: Clip, path: Path, form: Form) -> float:
    """The seconds that were written. Raises BadAudio; Refused: damaged; FileNotFoundError."""
    data = files.read_bytes(clip.file)
    if clip.stored_sha256 and hashlib.sha256(data).hexdigest() != clip.stored_sha256:
        raise Refused("damaged", _("저장소에 있는 소리 파일이 녹음한 그대로가 아니에요."))
    wav = parse_wav(data)
    if form == "moksori":
        path.write_bytes(data)
        return wav.seconds
    samples = to_float32(wav.samples)
    start, end = _bounds(clip, wav)
    write(path, resample(samples[start:end], wav.sample_rate, RATE), RATE)
    return (end - start) / wav.sample_rate


def _bounds(clip: Clip, wav: Wav) -> tuple[int, int]:
    """What training would use of the take, in samples."""
    if clip.trim_start is None or clip.trim_end is None:
        samples = to_float32(wav.samples)
        floor = quality.take_floor(samples, wav.sample_rate, clip.measures.get("room_dbfs"))
        return clean.trim_bounds(samples, wav.sample_rate, noise_floor_dbfs=floor)
    start, end = (min(len(wav.samples), round(at * wav.sample_rate)) for at in (clip.trim_start, clip.trim_end))
    return start, end


def _write_lists(lines: list[_Line], folder: Path, speaker: Speaker, form: Form, share: float, seed: int) -> int:
    """The lists of the sounds; how many lines are held out."""
    if form == "moksori":
        write_text_atomic(folder / "clips.jsonl", "".join(_own(line) for line in lines))
        return 0
    if form == "ljspeech":
        rows = (f"{line.name}|{line.text}|{line.spelled}\n" for line in lines)
        write_text_atomic(folder / "metadata.csv", "".join(rows))
        return 0
    held = held_out([_letters(line.spelled) for line in lines], share, seed)
    for name, wanted in (("train", False), ("val", True)):
        rows = (
            f"wavs/{line.name}.wav|{line.spelled}\n" for line in lines if (_letters(line.spelled) in held) == wanted
        )
        write_text_atomic(folder / f"{speaker.name}_{name}_filelist.txt", "".join(rows))
    return sum(_letters(line.spelled) in held for line in lines)


def held_out(sentences: list[str], share: float, seed: int) -> set[str]:
    """The sentences of a validation set: about `share` of them, at least one, by a hash that no other sentence moves.

    None where there are fewer than two sentences, or for a share of nothing.
    """
    drawn = sorted(
        (int.from_bytes(hashlib.sha256(f"{seed}\n{sentence}".encode()).digest()[:8]) / 2**64, sentence)
        for sentence in set(sentences)
    )
    if share <= 0 or len(drawn) < 2:
        return set()
    return {drawn[0][1], *(sentence for number, sentence in drawn[:-1] if number < share)}


def _own(line: _Line) -> str:
    row: dict[str, object] = {"id": line.name, "audio": f"wavs/{line.name}.wav", "text": line.clip.text}
    if line.clip.reading:
        row["reading"] = line.clip.reading
    if line.clip.trim_start is not None and line.clip.trim_end is not None:
        row["trim"] = [line.clip.trim_start, line.clip.trim_end]
    if (room := line.clip.measures.get("room_dbfs")) is not None:
        row["room_dbfs"] = room
    return json.dumps(row, ensure_ascii=False) + "\n"


def _letters(text: str) -> str:
    """What is said, without what only spelling knows: spaces and punctuation."""
    said = unicodedata.normalize("NFC", text).casefold()
    return "".join(character for character in said if character.isalnum())


def _why(error: SpeechError | Refused | FileNotFoundError) -> str:
    if isinstance(error, FileNotFoundError):
        return _("저장소에 소리 파일이 없어요.")
    return person_message(error)
