"""Services of spoken consent: the statement is take 0, stored like any take, and its row is the consent.

The file is in storage before its row is, under a key of its id and its hash. Whether the words were the right ones
nobody checks but the people who can listen to it: the speaker and the admins.
"""

from __future__ import annotations

import math
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from speech import quality
from speech.limits import Limits
from speech.wav import Wav, parse_wav, wav_bytes
from studio import consent, files, selectors, services
from studio.arrivals import digest_of, same_one, speaker_lock
from studio.errors import Refused
from studio.models import Consent, Speaker
from studio.takes import Sitting, capture_check
from studio.words import reason_words

FOLDER = "consents"
# It is listened to by people, not trained on: it must be understood, and no more.
LIMITS = Limits(
    refuse_clipped_runs=10**9, refuse_snr_below=10.0, refuse_peak_below=-40.0, refuse_edge_below=-math.inf,
    refuse_speech_below=1.0, refuse_dropouts_from=10,
)  # fmt: skip


def consent_speak(
    *, speaker: Speaker, statement_id: UUID, data: bytes, sha256: str, text_sha256: str, sitting: Sitting
) -> tuple[Consent, bool]:
    """Takes a spoken statement in: the consent, and whether it is new. Sent again with the same content it is not.

    `data`: a WAV file as `speech.wav` reads it; `sha256`: hex, of `data`; `text_sha256`: of the text that was shown.
    Raises BadAudio; Refused (400: damaged, processing_on, dropout, statement_unclear, statement_short; 409: id_taken,
    text_changed; 410: erased; 507).
    """
    digest = digest_of(data, sha256)
    if known := _known(speaker, statement_id, digest):
        return known, False
    text, statement = consent.text(), consent.statement()
    if text_sha256 != consent.text_sha256(text):
        raise Refused("text_changed", _("그사이 동의문이 바뀌었어요. 페이지를 새로 고쳐 다시 읽어 주세요."), 409)
    capture_check(sitting)
    wav = parse_wav(data)
    report = _understood(wav, statement)
    files.free_space_check()
    row = Consent(
        speaker=speaker, kind=Consent.Kind.SPOKEN, text=text, text_version=consent.VERSION, text_sha256=text_sha256,
        statement=statement, statement_id=statement_id, sha256=digest, sample_rate=wav.sample_rate,
        seconds=wav.seconds, measures={**report.to_json(), "microphone": sitting.microphone, "device": sitting.device},
    )  # fmt: skip
    return _store(row, wav)


def speaker_of_own(*, user: User, label: str) -> Speaker:
    """The speaker that an admin becomes by agreeing; made at the first time."""
    found = Speaker.objects.filter(user=user).first()
    return found or services.speaker_create(label=label.strip() or user.get_username(), user=user)


def _known(speaker: Speaker, statement_id: UUID, digest: str) -> Consent | None:
    row = Consent.objects.filter(statement_id=statement_id).first()
    return same_one(row, speaker=speaker, id=statement_id, digest=digest)


def _understood(wav: Wav, statement: str) -> quality.Report:
    """The measures of a statement that can be heard out. Refused where it cannot."""
    report = quality.inspect(wav.samples, wav.sample_rate)
    verdict = quality.judge(report, LIMITS)
    if verdict.level == "refused":
        reason = reason_words({"code": verdict.reasons[0].code, "value": verdict.reasons[0].value})
        message = " ".join((f"{reason['words']}.", reason["advice"])).strip()
        raise Refused("statement_unclear", message, reasons=verdict.to_json()["reasons"])
    shortest = consent.shortest_seconds(statement)
    if report.speech_seconds < shortest:
        words: dict[str, Any] = {"seconds": report.speech_seconds, "shortest": shortest}
        message = _(
            "말소리가 %(seconds).1f초뿐이에요. 동의문을 다 읽으면 %(shortest).0f초보다 길어요. 끝까지 읽어 주세요."
        )
        raise Refused("statement_short", message % words, **words)
    return report


def _store(row: Consent, wav: Wav) -> tuple[Consent, bool]:
    """File first, then the row. Agreed to in two tabs at once, the first holds, and the second file goes."""
    row.file = f"{FOLDER}/{row.speaker_id}/{row.statement_id}-{row.sha256[:16]}.wav"
    row.size = files.save_bytes(row.file, wav_bytes(wav.samples, wav.sample_rate))
    try:
        with transaction.atomic():
            speaker_lock(row.speaker)
            if current := selectors.consent_in_force(row.speaker):
                known = current
            else:
                services.ticked_close(speaker=row.speaker)
                row.save(force_insert=True)
                return row, True
    except Refused:  # the speaker was erased meanwhile
        files.delete_file(row.file)
        raise
    except IntegrityError:  # the same statement arrived twice at once
        known = Consent.objects.get(statement_id=row.statement_id)
    if known.file != row.file:
        files.delete_file(row.file)
    return known, False
