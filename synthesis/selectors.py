"""Reads of the speaking room."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from studio import files
from studio.access import AnyUser, is_admin
from studio.models import Consent, Speaker
from studio.rooms import RoomState
from synthesis import events, reading
from synthesis.models import ApiToken, Utterance, UtteranceSentence, Voice
from training.models import Checkpoint
from training.selectors import runs_made_of, runs_withdrawn, shipped_base

BASE_NAME = "base"  # of the voice that ships
HISTORY = 20  # utterances a page of the history


def voices_in_use() -> QuerySet[Voice]:
    """Voices that can be chosen, newest first."""
    return Voice.objects.filter(retired_at=None, withheld_at=None).select_related("acoustic", "vocoder", "speaker")


def voices_replaceable() -> QuerySet[Voice]:
    """Voices that may get another checkpoint: all in use but the one that ships."""
    return voices_in_use().exclude(name=BASE_NAME, speaker=None)


def base_voice() -> Voice | None:
    """The voice under the name of the one that ships, in use or not."""
    return Voice.objects.select_related("acoustic__run", "vocoder__run").filter(name=BASE_NAME).first()


def is_base_voice(voice: Voice) -> bool:
    """Whether it is the voice that ships; a speaker's own may have had its name before that came."""
    return voice.name == BASE_NAME and voice.speaker_id is None


def base_voice_is_well() -> bool:
    """Whether the voice that ships speaks as it shipped, or a speaker's own has its name: nothing is to be mended."""
    voice = base_voice()
    if voice is None or not is_base_voice(voice):
        return voice is not None
    parts = [voice.acoustic, voice.vocoder]
    if voice.error or voice.withheld_at or parts != [shipped_base(kind) for kind in Checkpoint.Kind]:
        return False
    return all(files.exists(part.file) for part in parts if part)


def voice_name_free(wanted: str) -> str:
    """`wanted`, or with the first number behind it that makes it nobody's; the shipped voice's name is never free."""
    taken = {BASE_NAME, *Voice.objects.filter(name__startswith=wanted).values_list("name", flat=True)}
    names = (wanted if number == 1 else f"{wanted}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def voices_made_of(speaker: Speaker) -> QuerySet[Voice]:
    """Voices with a checkpoint of a run on the speaker's clips, or of a run that started from one."""
    runs = runs_made_of(speaker)
    return Voice.objects.filter(Q(speaker=speaker) | Q(acoustic__run__in=runs) | Q(vocoder__run__in=runs))


def voices_all() -> QuerySet[Voice]:
    """All voices, those in use first; `consent_withdrawn` marks those whose speaker no longer agrees."""
    agrees = Consent.objects.filter(speaker=OuterRef("speaker"), withdrawn_at=None)
    return (
        Voice.objects.select_related("speaker", "acoustic", "vocoder", "released_by")
        .annotate(consent_withdrawn=Q(speaker__isnull=False) & ~Exists(agrees))
        .order_by(F("retired_at").desc(nulls_first=True), "-published_at")
    )


def voice_named(name: str) -> Voice | None:
    """A voice in use by its name; without a name, the newest."""
    voices = voices_in_use()
    return voices.filter(name=name).first() if name else voices.first()


def voice_default(voices: Sequence[Voice], utterances: QuerySet[Utterance]) -> Voice | None:
    """Which of `voices` to offer first: the one of the newest of `utterances`, else the base voice, else the newest.

    One that cannot be loaded comes last. `voices`: in use, newest first.
    """
    usable = [voice for voice in voices if not voice.error] or voices
    last = utterances.filter(voice__in=[voice.pk for voice in usable]).order_by("-created_at").first()
    if last is not None:
        return last.voice
    return next((voice for voice in usable if is_base_voice(voice)), usable[0] if usable else None)


def voice_is_withheld(name: str) -> bool:
    """Whether there is a voice of that name which may not speak now, since its speaker took the consent back."""
    return Voice.objects.filter(name=name, retired_at=None, withheld_at__isnull=False).exists()


def voice_data(voice: Voice) -> dict[str, Any]:
    """As `GET /api/voices` lists it."""
    return {
        "name": voice.name,
        "label": voice.label,
        "acoustic": voice.acoustic.model,
        "vocoder": voice.vocoder.model if voice.vocoder else "griffin_lim",
        "published_at": voice.published_at.isoformat(),
    }


def checkpoints_to_publish() -> QuerySet[Checkpoint]:
    """Acoustic checkpoints of voices that agree, newest first."""
    agreed = Checkpoint.objects.filter(kind=Checkpoint.Kind.ACOUSTIC).exclude(run__in=runs_withdrawn())
    return agreed.select_related("run__speaker").order_by("-created_at")


def vocoders_for(acoustic: Checkpoint) -> QuerySet[Checkpoint]:
    """Vocoders that may speak for it: of the same speaker, or nobody's (imported, shipped); the newest first."""
    vocoders = Checkpoint.objects.filter(kind=Checkpoint.Kind.VOCODER).order_by("-created_at")
    vocoders = vocoders.exclude(run__in=runs_withdrawn())
    if acoustic.run is None:
        return vocoders.filter(run=None)
    return vocoders.filter(Q(run__speaker=acoustic.run.speaker) | Q(run=None))


def vocoders_to_publish(acoustic: Checkpoint | None) -> list[Checkpoint]:
    """Vocoders of voices that agree: the own speaker's of the checkpoint first, then nobody's, then those of others.

    The newest first in each.
    """
    speaker = acoustic.run.speaker_id if acoustic and acoustic.run else None
    vocoders = Checkpoint.objects.filter(kind=Checkpoint.Kind.VOCODER).exclude(run__in=runs_withdrawn())

    def place(vocoder: Checkpoint) -> int:
        if vocoder.run is None:
            return 1
        return 0 if vocoder.run.speaker_id == speaker else 2

    return sorted(vocoders.select_related("run__speaker").order_by("-created_at"), key=place)


def vocoder_for(acoustic: Checkpoint) -> Checkpoint | None:
    """The one to take when nobody chose: of the same run the best, then the speaker's newest, then a base."""
    vocoders = vocoders_for(acoustic)
    if acoustic.run is not None:
        own = vocoders.filter(run=acoustic.run)
        found = own.filter(best=True).first() or own.first() or vocoders.filter(run__isnull=False).first()
        if found:
            return found
    return vocoders.filter(run=None).first()


def utterances_of(user: AnyUser) -> QuerySet[Utterance]:
    """A person's own history, newest first."""
    return Utterance.objects.filter(requested_by_id=user.pk).select_related("voice")


def utterance_for(user: AnyUser, pk: UUID | str) -> Utterance | None:
    """Only one's own: what others have had spoken is nobody's business."""
    if not user.is_authenticated:
        return None
    return Utterance.objects.filter(requested_by_id=user.pk, pk=pk).select_related("voice__acoustic").first()


def events_after(utterance: Utterance, seq: int, limit: int) -> list[dict[str, Any]]:
    """What happened after number `seq`, in order."""
    return [event for event in events.all_events(utterance) if event["seq"] > seq][:limit]


def files_known(utterance: str) -> set[str]:
    """Keys in storage that an utterance and its sentences refer to; none where there is no such utterance."""
    try:
        pk = UUID(utterance)
    except ValueError:
        return set()
    whole = Utterance.objects.filter(pk=pk).exclude(file="").values_list("file", flat=True)
    return {*whole, *UtteranceSentence.objects.filter(utterance=pk).values_list("file", flat=True)}


def queue_position(utterance: Utterance) -> int:
    """How many are spoken before it: 0 when it is its turn."""
    if utterance.state != Utterance.State.QUEUED:
        return 0
    waiting = Q(state=Utterance.State.QUEUED, turn_at__lt=utterance.turn_at)
    return Utterance.objects.filter(waiting | Q(state=Utterance.State.SPEAKING)).exclude(pk=utterance.pk).count()


def utterance_state(utterance: Utterance) -> dict[str, Any]:
    """The snapshot that a page shows: state, place in the queue, what is spoken, where the whole WAV is."""
    sentences = [events.sentence_data(sentence) for sentence in utterance.sentences.order_by("index")]
    ended = utterance.state not in Utterance.ACTIVE
    return {
        "id": str(utterance.pk),
        "voice": {"name": utterance.voice.name, "label": utterance.voice.label},
        "text": utterance.text,
        "seed": utterance.seed,
        "choices": utterance.choices,
        "state": utterance.state,
        "queue_position": queue_position(utterance),
        "failures": utterance.failures,
        "sentence_count": utterance.sentence_count,
        "plan": [] if ended else _plan(utterance),
        "sentences": sentences,
        "seconds": round(utterance.seconds, 2),
        "error": events.error_data(utterance.error),
        "created_at": utterance.created_at.isoformat(),
        "last_seq": (1 if utterance.sentence_count else 0) + len(sentences) + (1 if ended else 0),
        "download": events.download_url(utterance),
        "urls": {
            "self": reverse("synthesis:utterance", args=[utterance.pk]),
            "page": reverse("synthesis:speak_utterance", args=[utterance.pk]),
            "stop": reverse("synthesis:utterance_stop", args=[utterance.pk]),
            "socket": f"/ws/utterances/{utterance.pk}/",
        },
    }


def _plan(utterance: Utterance) -> list[str]:
    """The sentences that are to be spoken: as its worker split it, and until then as one will."""
    if utterance.plan:
        return [sentence for sentence, _ in utterance.plan]
    return reading.plan(utterance.text, utterance.dictionary, utterance.voice)


def others_wait(utterance: Utterance) -> bool:
    """Whether somebody else's text is waiting for a worker."""
    return Utterance.objects.filter(state=Utterance.State.QUEUED).exclude(pk=utterance.pk).exists()


def token_hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def user_of_token(key: str) -> User | None:
    """Whose key it is; None for one that is unknown, revoked, or of a person who may no longer come in."""
    token = ApiToken.objects.filter(token_sha256=token_hash(key), revoked_at=None).select_related("user").first()
    if token is None or not token.user.is_active:
        return None
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > timedelta(minutes=1):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token.user


def tokens_of(user: User) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=user, revoked_at=None).order_by("-created_at")


def room_state(user: User) -> RoomState:
    """One line for the first page: which voices there are; to an admin first, which wait for a decision."""
    silent = Voice.objects.filter(retired_at=None, withheld_at__isnull=False).count() if is_admin(user) else 0
    if silent:
        words = ngettext("동의를 거둔 목소리 %(count)d개", "동의를 거둔 목소리 %(count)d개", silent) % {"count": silent}
        return RoomState(words, "warn", _("화자가 동의를 거두어 멈췄어요. 어떻게 할지 정해 주세요."))
    voices = list(voices_in_use()[:3])
    if not voices:
        advice = _("학습을 마친 체크포인트를 목소리로 공개하면 들을 수 있어요.")
        return RoomState(_("아직 목소리가 없어요"), "warn", advice)
    count = voices_in_use().count()
    words = ngettext("목소리 %(count)d개", "목소리 %(count)d개", count) % {"count": count}
    return RoomState(words, "good", ", ".join(voice.label for voice in voices))
