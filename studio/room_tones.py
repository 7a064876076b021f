"""Services of the room tone: some seconds of silence in storage, what was measured of them, and who makes the noise.

The file is in storage before its row is, under a key of its id and its hash, as with a take.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from speech.room import Cause, causes, inspect_room, is_quiet
from speech.wav import parse_wav, wav_bytes
from studio import files
from studio.arrivals import digest_of, recording_lock, same_one
from studio.errors import Refused
from studio.models import RoomTone, Speaker
from studio.room_words import cause_words
from studio.takes import Sitting, capture_check, session_of

FOLDER = "rooms"


def room_tone_create(
    *, speaker: Speaker, tone_id: UUID, data: bytes, sha256: str, sitting: Sitting
) -> tuple[RoomTone, bool]:
    """Takes the sound of a room in: the tone, and whether it is new. Sent again with the same content it is not.

    `data`: a WAV file as `speech.wav` reads it; `sha256`: hex, of `data`. Raises BadAudio; Refused (400: damaged,
    processing_on, dropout, no_sitting, and room_again where somebody spoke or nothing was heard; 409: id_taken,
    session_taken; 410: erased; 507).
    """
    digest = digest_of(data, sha256)
    if known := _known(speaker, tone_id, digest):
        return known, False
    capture_check(sitting)
    wav = parse_wav(data)
    report = inspect_room(wav.samples, wav.sample_rate)
    found = causes(report)
    _check_usable(found)
    files.free_space_check()
    session = session_of(speaker, sitting, wav.sample_rate)
    if session is None:
        raise Refused("no_sitting", _("언제 시작한 녹음인지 알 수 없어요. 페이지를 새로 고쳐 주세요."))
    tone = RoomTone(
        id=tone_id, speaker=speaker, session=session, device=sitting.device[:200], sha256=digest,
        sample_rate=wav.sample_rate, seconds=wav.seconds, noise_floor_dbfs=round(report.noise_floor_dbfs, 2),
        measures={**report.to_json(), "quiet": is_quiet(report)}, causes=[cause.to_json() for cause in found],
    )  # fmt: skip
    tone.file = f"{FOLDER}/{speaker.pk}/{tone_id}-{digest[:16]}.wav"
    tone.size = files.save_bytes(tone.file, wav_bytes(wav.samples, wav.sample_rate))
    return _store_row(tone)


def _store_row(tone: RoomTone) -> tuple[RoomTone, bool]:
    """The row of a tone whose file is stored; where there is to be none, the file goes."""
    try:
        with transaction.atomic():
            recording_lock(tone.speaker)
            tone.save(force_insert=True)
        return tone, True
    except Refused:  # the speaker was erased meanwhile, or took the consent back
        if not RoomTone.objects.filter(file=tone.file).exists():  # the same tone may have come in just before
            files.delete_file(tone.file)
        raise
    except IntegrityError:  # the same tone arrived twice at once
        try:
            known = _known(tone.speaker, tone.pk, tone.sha256)
        except Refused:
            files.delete_file(tone.file)  # other content under the same id: the first one stays
            raise
        if known is None:
            raise
        return known, False


def tone_json(tone: RoomTone) -> dict[str, Any]:
    """A room as the page shows it: figures, spectrum, causes in words."""
    measures = tone.measures
    return {
        "id": str(tone.pk),
        "sha256": tone.sha256,
        "noise_floor_dbfs": tone.noise_floor_dbfs,
        "quiet": measures["quiet"],
        "dc_offset": measures["dc_offset"],
        "hum_hz": measures["hum_hz"],
        "hum_lines": measures["hum_lines"],
        "bands": measures["bands"],
        "causes": [cause_words(cause) for cause in tone.causes],
        "created_at": tone.created_at.isoformat(),
    }


def _known(speaker: Speaker, tone_id: UUID, digest: str) -> RoomTone | None:
    return same_one(RoomTone.objects.filter(pk=tone_id).first(), speaker=speaker, id=tone_id, digest=digest)


def _check_usable(found: tuple[Cause, ...]) -> None:
    """Refused where what was recorded is not the room."""
    for cause in found:
        if cause.level == "again":
            words = cause_words(cause.to_json())
            raise Refused("room_again", f"{words['words']} {words['advice']}", cause=cause.code)
