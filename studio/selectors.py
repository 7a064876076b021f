"""What the recording room reads: speakers, the prompt to show, takes, progress."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Count, FloatField, Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from studio import coverage
from studio.asked import Asked
from studio.coverage import Standing
from studio.models import Clip, Consent, Prompt, Review, Speaker
from studio.rooms import RoomState
from studio.trim import trim_json
from studio.words import LEVEL_WORDS, reason_words

UPCOMING = 20  # prompts that a browser holds in reserve, so that recording goes on without the network
TAKES_SHOWN = 30


def consent_in_force(speaker: Speaker) -> Consent | None:
    return Consent.objects.in_force().filter(speaker=speaker).first()


def clips_kept(speaker: Speaker) -> QuerySet[Clip]:
    """The takes that a run trains on: one a prompt, and the imported ones. Whoever uses them asks for consent first."""
    return speaker.clips.filter(kept=True, discarded_at__isnull=True)


def clip_of(speaker: Speaker, clip_id: UUID) -> Clip | None:
    return speaker.clips.filter(pk=clip_id).first()


def takes_of(speaker: Speaker, prompt: Prompt) -> QuerySet[Clip]:
    """A speaker's takes of one prompt, newest first, without those taken out."""
    takes = speaker.clips.filter(prompt=prompt, discarded_at__isnull=True)
    return takes.select_related("review").order_by("-created_at", "-id")


def speakers_with_counts() -> QuerySet[Speaker, Any]:
    """Speakers in the order in which they came, with `kept_count`, `kept_minutes`, `take_count` and `last_take_at`."""
    live = Q(clips__discarded_at__isnull=True)
    return (
        Speaker.objects.select_related("user")
        .prefetch_related("consents")
        .annotate(
            take_count=Count("clips", filter=live),
            kept_count=Count("clips", filter=live & Q(clips__kept=True)),
            kept_minutes=Coalesce(
                Sum("clips__seconds", filter=live & Q(clips__kept=True)) / 60, 0.0, output_field=FloatField()
            ),
            last_take_at=Max("clips__created_at"),
        )
        .order_by("created_at")  # the model's own order does not hold where rows are counted
    )


def prompts_active() -> QuerySet[Prompt]:
    return Prompt.objects.filter(active=True).order_by("order", "id")


def prompts_after(prompt: Prompt | None) -> QuerySet[Prompt]:
    if prompt is None:
        return prompts_active()
    return prompts_active().filter(Q(order__gt=prompt.order) | Q(order=prompt.order, id__gt=prompt.id))


def prompts_before(prompt: Prompt) -> QuerySet[Prompt]:
    """Nearest first."""
    before = Q(order__lt=prompt.order) | Q(order=prompt.order, id__lt=prompt.id)
    return Prompt.objects.filter(before, active=True).order_by("-order", "-id")


def prompt_open_next(speaker: Speaker, after: Prompt | None, standing: Standing | None = None) -> Prompt | None:
    """The open prompt that adds most to what the speaker has kept, other than `after`; None when all is done.

    Open is what the speaker has neither a kept take of nor skipped. Prompts that keep their file's order come behind
    `after`, then those left out before it.
    """
    chosen = (standing or coverage.standing(speaker)).next_prompts(1, after.pk if after else None)
    return Prompt.objects.filter(pk__in=chosen).first()


def prompt_shown(speaker: Speaker, standing: Standing | None = None) -> Prompt | None:
    """Where the speaker stands: the stored position, else the prompt that adds most."""
    if speaker.position is not None and speaker.position.active:
        return speaker.position
    return prompt_open_next(speaker, None, standing)


def progress(speaker: Speaker, standing: Standing | None = None) -> dict[str, Any]:
    """How far a speaker is: kept takes of active prompts, of how many, and sentences and minutes of sound kept in all.

    `coverage`: per cent of the common pairs of sounds that were said; `worth_minutes`: what open prompts still add,
    in whole minutes, so that no page rounds it otherwise than another.
    """
    standing = standing or coverage.standing(speaker, with_asked=False)
    kept = clips_kept(speaker)
    seconds = kept.aggregate(seconds=Coalesce(Sum("seconds"), 0.0))["seconds"]
    return {
        "done": kept.filter(prompt__active=True).count(),
        "total": prompts_active().count(),
        "sentences": kept.count(),
        "seconds": round(seconds, 1),
        "minutes": minutes_of(seconds),
        "coverage": standing.coverage(),
        "worth_minutes": math.ceil(round(standing.minutes_worth(), 1)),
    }


def minutes_of(seconds: float) -> float:
    """Seconds of sound as minutes to a tenth, the half upwards: as every page says them."""
    return math.floor(seconds / 6 + 0.5) / 10


def record_state(speaker: Speaker) -> dict[str, Any]:
    """All that the recording page shows, and what it needs to go on alone for a while.

    `prompt` is None when there is nothing (left) to record; `upcoming` holds the next open prompts.
    """
    standing = coverage.standing(speaker)
    prompt = prompt_shown(speaker, standing)
    upcoming = prompts_in(standing.next_prompts(UPCOMING, prompt.pk, said=True)) if prompt else []
    again = {each.prompt: again_words(each) for each in standing.asked}
    return {
        "prompt": prompt_json(speaker, prompt, again=again) if prompt else None,
        "takes": [take_json(clip) for clip in takes_of(speaker, prompt)[:TAKES_SHOWN]] if prompt else [],
        "upcoming": [prompt_json(speaker, each, numbered=False, again=again) for each in upcoming],
        "progress": progress(speaker, standing),
    }


def prompts_in(ids: Sequence[int]) -> list[Prompt]:
    """These prompts, in this order."""
    found = Prompt.objects.in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def again_words(asked: Asked) -> str:
    if asked.is_match:
        return _("처음 녹음과 견주어 볼 문장이에요. 그때처럼 읽어 주세요.")
    return _("다시 읽어 주세요: %(reason)s") % {"reason": asked.reason}


def prompt_json(
    speaker: Speaker, prompt: Prompt, *, numbered: bool = True, again: Mapping[int, str] | None = None
) -> dict[str, Any]:
    """A prompt as the page shows it. `again`: why it is asked for again, by prompt."""
    body: dict[str, Any] = {
        "id": prompt.pk,
        "text": prompt.text,
        "reading": prompt.reading,
        "kind": prompt.kind,
        "kind_words": str(prompt.get_kind_display()),
        "again": (again or {}).get(prompt.pk, ""),
    }
    if numbered:
        before = prompts_before(prompt)
        skip = speaker.skips.filter(prompt=prompt).first()
        body |= {
            "number": before.count() + 1,
            "has_back": before.exists(),
            "has_next": prompts_after(prompt).exists(),
            "skipped": skip.reason or _("이유 없음") if skip else "",
        }
    return body


def take_json(clip: Clip) -> dict[str, Any]:
    """A take as the page shows it: verdict in words, measures in numbers."""
    return {
        "id": str(clip.pk),
        "prompt": clip.prompt_id,
        "sha256": clip.sha256,
        "url": reverse("studio:clip_audio", args=[clip.pk]),
        "seconds": round(clip.seconds, 2),
        "sample_rate": clip.sample_rate,
        "verdict": verdict_json(clip),
        "measures": clip.measures,
        "trim": trim_json(clip),
        "kept": clip.kept,
        "chosen": clip.chosen,
        "note": clip.note,
        "discarded": clip.discarded_at is not None,
        "created_at": clip.created_at.isoformat(),
    }


def verdict_json(clip: Clip) -> dict[str, Any]:
    """The server's verdict in words; a take that was sent back after listening is refused, and says why first."""
    level, reasons = clip.verdict, [reason_words(reason) for reason in clip.reasons]
    review: Review | None = getattr(clip, "review", None)
    if review is not None and review.decision == Review.Decision.RETURNED:
        words = _("들어 본 사람이 다시 부탁했어요")
        level = Clip.Verdict.REFUSED
        reasons.insert(0, {"code": "returned", "level": level, "words": words, "advice": review.reason})
    return {"level": level, "words": str(LEVEL_WORDS[level]), "reasons": reasons}


def corpora() -> QuerySet[Prompt, Any]:
    """Each corpus with its number of prompts, by kind."""
    kinds = {kind: Count("id", filter=Q(kind=kind)) for kind in Prompt.Kind.values}
    return Prompt.objects.filter(active=True).values("corpus").annotate(total=Count("id"), **kinds).order_by("corpus")


def room_state(user: User) -> RoomState:
    """The recording room's line on the first page."""
    speaker = Speaker.objects.filter(user=user).first()
    if speaker is None:
        count = Clip.objects.filter(kept=True).values("speaker").distinct().count()
        words = ngettext("녹음이 있는 화자 %(count)d명", "녹음이 있는 화자 %(count)d명", count) % {"count": count}
        return RoomState(words if count else _("아직 녹음이 없어요"))
    state = progress(speaker)
    if not state["sentences"]:
        return RoomState(_("첫 문장을 기다리고 있어요"))
    words = _("%(done)d / %(total)d 문장") if state["done"] else _("모은 문장 %(sentences)d개")
    return RoomState(words % state, "good", _("모은 소리 %(minutes).1f분") % state)
