"""Services of takes: everything that writes a clip goes through here, from the browser or from a corpus.

A file is in storage before its row is, under a key of its id and its hash; so a row's file is always whole, and the
same take sent twice is the same file. What fails in between leaves a file without a row, which nothing refers to.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from speech import manner, match, quality
from speech.errors import SpeechError
from speech.limits import Limits
from speech.text import read
from speech.wav import Wav, parse_wav, wav_bytes
from studio import files, selectors
from studio.arrivals import digest_of, recording_lock, same_one, speaker_lock
from studio.errors import Refused
from studio.match_file import match_judge
from studio.models import Clip, Prompt, PromptSkip, RecordingSession, Review, RoomTone, Speaker
from studio.trim import Bounds, trim_check

FOLDER = "clips"
MANNER_TAKES = 50  # the newest ones, that say how somebody usually speaks
PROCESSING = ("echoCancellation", "noiseSuppression", "autoGainControl")


@dataclass(frozen=True)
class Sitting:
    """What the browser tells of the microphone: the sitting's id, and what the track's getSettings() answered."""

    id: UUID | None = None
    device: str = ""
    microphone: dict[str, Any] = field(default_factory=dict)
    dropouts: tuple[str, ...] = ()  # what went wrong while recording: such a take is void
    user_agent: str = ""


def clip_create(
    *, speaker: Speaker, clip_id: UUID, prompt: Prompt, data: bytes, sha256: str, sitting: Sitting | None = None
) -> tuple[Clip, bool]:
    """Takes a browser's take in: the clip, and whether it is new. Sent again with the same content it is not.

    `data`: a WAV file as `speech.wav` reads it; `sha256`: hex, of `data`. Raises BadAudio; Refused (400: damaged on
    the way, processing on, dropout; 409: the id or the sitting is another's, the prompt is no longer read; 507).
    """
    digest = digest_of(data, sha256)
    if known := _known(speaker, clip_id, digest):
        return known, False
    if not prompt.active:
        raise Refused("prompt_inactive", _("이 문장은 더 이상 녹음하지 않아요."), 409, prompt=prompt.pk)
    sitting = sitting or Sitting()
    capture_check(sitting)
    wav = parse_wav(data)
    files.free_space_check()
    clip = Clip(
        id=clip_id, speaker=speaker, prompt=prompt, text=prompt.text, reading=prompt.reading, sha256=digest,
        session=session_of(speaker, sitting, wav.sample_rate),
    )  # fmt: skip
    _measure(clip, wav, Limits(), _room_dbfs(clip, sitting))
    match_judge(clip)
    try:
        _store(clip, wav)
    except IntegrityError:  # the same take arrived twice at once
        try:
            known = _known(speaker, clip_id, digest)
        except Refused:
            files.delete_file(clip.file)  # other content under the same id: the first one stays
            raise
        if known is None:
            raise
        return known, False
    return clip, True


def clip_import(
    *, speaker: Speaker, source_id: str, text: str, reading: str, wav: Wav, trim: tuple[float, float] | None = None,
    room_dbfs: float | None = None,
) -> tuple[Clip, bool]:  # fmt: skip
    """Takes a clip of a corpus in, once: the clip, and whether it is new. Raises BadAudio, Refused (507).

    `trim`: seconds from and to where the corpus says that its sentence is; `room_dbfs`: the floor of its room.
    """
    data = wav_bytes(wav.samples, wav.sample_rate)
    wav = parse_wav(data)  # the same bounds as for a take of the room
    digest = hashlib.sha256(data).hexdigest()
    same = speaker.clips.filter(source_id=source_id) | speaker.clips.filter(sha256=digest, text=text)
    if known := same.first():
        return known, False
    files.free_space_check()
    clip = Clip(
        id=uuid4(), speaker=speaker, text=text, reading=reading, sha256=digest,
        source=Clip.Source.IMPORT, source_id=source_id,
    )  # fmt: skip
    _measure(clip, wav, Limits.for_import(), room_dbfs)
    clip.trim_start, clip.trim_end = trim or (None, None)
    clip.kept = clip.verdict != Clip.Verdict.REFUSED
    try:
        _store(clip, wav)
    except IntegrityError:  # another import of the same corpus was faster
        files.delete_file(clip.file)
        if (known := same.first()) is None:
            raise
        return known, False
    return clip, True


def clip_keep(*, clip: Clip) -> Clip:
    """The speaker's own choice: this take, and no newer one, is trained on. Refused for a refused take."""
    if clip.verdict == Clip.Verdict.REFUSED:
        raise Refused("take_refused", _("이 녹음은 쓸 수 없어요. 다시 녹음해 주세요."), 409)
    if Review.objects.filter(clip=clip, decision=Review.Decision.RETURNED).exists():
        raise Refused("take_returned", _("들어 본 사람이 다시 부탁한 녹음이에요. 새로 녹음해 주세요."), 409)
    with transaction.atomic():
        speaker_lock(clip.speaker)
        if clip.prompt_id:
            _others(clip).update(kept=False, chosen=False)
            PromptSkip.objects.filter(speaker=clip.speaker, prompt_id=clip.prompt_id).delete()
        Clip.objects.filter(pk=clip.pk).update(kept=True, chosen=True, discarded_at=None)
    clip.refresh_from_db()
    return clip


def clip_discard(*, clip: Clip) -> Clip:
    """Takes a take out; its file stays, so that it can be taken back. The newest usable take moves up."""
    with transaction.atomic():
        speaker_lock(clip.speaker)
        Clip.objects.filter(pk=clip.pk).update(
            kept=False, chosen=False, discarded_at=clip.discarded_at or timezone.now()
        )
        if clip.kept and clip.prompt_id:
            _keep_newest(clip.speaker, clip.prompt_id)
    clip.refresh_from_db()
    return clip


def clip_restore(*, clip: Clip) -> Clip:
    """Takes a discarded take back; it is kept when the prompt has no other."""
    with transaction.atomic():
        speaker_lock(clip.speaker)
        Clip.objects.filter(pk=clip.pk).update(discarded_at=None)
        if clip.prompt_id:
            _keep_newest(clip.speaker, clip.prompt_id)
        elif clip.verdict != Clip.Verdict.REFUSED:
            loose = Clip.objects.filter(pk=clip.pk).exclude(review__decision=Review.Decision.RETURNED)
            loose.update(kept=True)
    clip.refresh_from_db()
    return clip


def clip_trim(*, clip: Clip, bounds: Bounds | None) -> Clip:
    """From where to where training takes the clip, in seconds; None: where the sound itself begins and ends.

    The master stays whole. Refused (400: trim_outside, trim_too_short).
    """
    start, end = bounds or (None, None)
    if bounds is not None:
        trim_check(clip, bounds)
        end = min(bounds[1], clip.seconds)
    Clip.objects.filter(pk=clip.pk).update(trim_start=start, trim_end=end)
    clip.refresh_from_db()
    return clip


def clip_note(*, clip: Clip, note: str) -> Clip:
    """What the speaker wants to be remembered of a take; empty takes it away."""
    Clip.objects.filter(pk=clip.pk).update(note=" ".join(note.split()))
    clip.refresh_from_db()
    return clip


def _known(speaker: Speaker, clip_id: UUID, digest: str) -> Clip | None:
    return same_one(Clip.objects.filter(pk=clip_id).first(), speaker=speaker, id=clip_id, digest=digest)


def capture_check(sitting: Sitting) -> None:
    """A take with processing on, or with a gap, says nothing true about the voice."""
    if on := [name for name in PROCESSING if sitting.microphone.get(name)]:
        raise Refused(
            "processing_on", _("브라우저가 소리를 가공하고 있어요. 잡음 제거를 끄고 다시 녹음해 주세요."), names=on
        )
    if sitting.dropouts:
        raise Refused("dropout", _("녹음 중에 소리가 끊겼어요. 다시 녹음해 주세요."), dropouts=list(sitting.dropouts))


def session_of(speaker: Speaker, sitting: Sitting, sample_rate: int) -> RecordingSession | None:
    if sitting.id is None:
        return None
    session, _created = RecordingSession.objects.get_or_create(
        pk=sitting.id,
        defaults={
            "speaker": speaker, "device": sitting.device[:200], "microphone": sitting.microphone,
            "sample_rate": sample_rate, "user_agent": sitting.user_agent[:300],
        },
    )  # fmt: skip
    if session.speaker_id != speaker.pk:
        raise Refused("session_taken", _("다른 사람이 시작한 녹음이에요. 페이지를 새로 고쳐 주세요."), 409)
    return session


def _room_dbfs(clip: Clip, sitting: Sitting) -> float | None:
    """The floor of the room that was measured in this sitting, through this microphone."""
    tones = RoomTone.objects.filter(session=clip.session, device=sitting.device[:200])
    return tones.values_list("noise_floor_dbfs", flat=True).first() if clip.session else None


def _measure(clip: Clip, wav: Wav, limits: Limits, room_dbfs: float | None = None) -> None:
    report = quality.inspect(wav.samples, wav.sample_rate, room_dbfs=room_dbfs)
    pace = manner.pace_of(_pronunciation(clip), report)
    usual = _usual_manner(clip.speaker)
    unusual = manner.compare(pace, report.loudness_lufs, usual, limits) if usual else []
    verdict = quality.judge(report, limits, unusual).to_json()
    clip.seconds, clip.sample_rate = wav.seconds, wav.sample_rate
    clip.measures = {**report.to_json(), "pace": None if pace is None else round(pace, 3)}
    if room_dbfs is not None:
        clip.measures["room_dbfs"] = room_dbfs  # training trims by it as well
    clip.verdict, clip.reasons = verdict["level"], verdict["reasons"]
    portrait = match.portrait(wav.samples, wav.sample_rate, loudness_lufs=report.loudness_lufs)
    clip.measures["portrait"] = portrait.to_json()


def _pronunciation(clip: Clip) -> str:
    """How the clip is spoken, in Hangul; nothing for a text that our front end cannot read."""
    if clip.prompt and clip.prompt.pronunciation:
        return clip.prompt.pronunciation
    try:
        return read(clip.reading or clip.text).pronunciation
    except SpeechError:
        return ""


def _usual_manner(speaker: Speaker) -> manner.Usual | None:
    """Of the newest kept takes."""
    kept = selectors.clips_kept(speaker).order_by("-created_at").values_list("measures", flat=True)[:MANNER_TAKES]
    return manner.usual_of(kept)


def _store(clip: Clip, wav: Wav) -> None:
    """File first, then the row; a browser's take that is not refused becomes the kept one."""
    clip.file = f"{FOLDER}/{clip.speaker_id}/{clip.pk}-{clip.sha256[:16]}.wav"
    stored = wav_bytes(wav.samples, wav.sample_rate)  # of what was sent, only the sound
    clip.stored_sha256 = hashlib.sha256(stored).hexdigest()
    clip.size = files.save_bytes(clip.file, stored)
    try:
        _store_row(clip)
    except Refused:  # the speaker was erased meanwhile, or took the consent back
        if not Clip.objects.filter(file=clip.file).exists():  # the same take may have come in just before
            files.delete_file(clip.file)
        raise
    clip.refresh_from_db()


def _store_row(clip: Clip) -> None:
    with transaction.atomic():
        lock = speaker_lock if clip.source == Clip.Source.IMPORT else recording_lock
        lock(clip.speaker)
        clip.save(force_insert=True)
        if clip.prompt_id:  # who begins has no position yet: they stand here until they move
            Speaker.objects.filter(pk=clip.speaker_id, position=None).update(position=clip.prompt_id)
        if clip.prompt_id and clip.verdict != Clip.Verdict.REFUSED:
            _keep_newest(clip.speaker, clip.prompt_id)


def _keep_newest(speaker: Speaker, prompt_id: int) -> None:
    """The newest usable take of a prompt is the kept one, unless the speaker chose. Within a transaction."""
    takes = speaker.clips.filter(prompt_id=prompt_id, discarded_at__isnull=True)
    if takes.filter(kept=True, chosen=True).exists():
        return
    usable = takes.exclude(verdict=Clip.Verdict.REFUSED).exclude(review__decision=Review.Decision.RETURNED)
    newest = usable.order_by("-created_at", "-id").first()
    if newest is None:
        takes.filter(kept=True).update(kept=False)
    elif not newest.kept:
        takes.filter(kept=True).update(kept=False)
        Clip.objects.filter(pk=newest.pk).update(kept=True)
        PromptSkip.objects.filter(speaker=speaker, prompt_id=prompt_id).delete()


def _others(clip: Clip) -> Any:
    return selectors.takes_of(clip.speaker, clip.prompt).exclude(pk=clip.pk) if clip.prompt else Clip.objects.none()
