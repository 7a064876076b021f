"""Prompts that are asked for out of turn: those whose take was sent back after listening."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from studio.models import Clip, Review, Speaker


@dataclass(frozen=True)
class Asked:
    """A prompt to read again, and the reviewer's reason."""

    prompt: int
    reason: str


def retakes_of(speaker: Speaker) -> list[Asked]:
    """Prompts whose take was sent back and that have no kept take since, in the order in which they came back.

    A prompt that the speaker skipped, or that is no longer read, is not asked for.
    """
    sent_back: QuerySet[Review] = Review.objects.filter(
        clip__speaker=speaker, decision=Review.Decision.RETURNED, clip__prompt__active=True
    ).order_by("at", "pk")
    reasons = dict(sent_back.values_list("clip__prompt", "reason"))
    if not reasons:
        return []
    kept = Clip.objects.filter(speaker=speaker, kept=True, discarded_at=None, prompt__in=reasons)
    done = {*kept.values_list("prompt", flat=True), *speaker.skips.values_list("prompt", flat=True)}
    return [Asked(prompt, reason) for prompt, reason in reasons.items() if prompt not in done]
