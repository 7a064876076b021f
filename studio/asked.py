"""Prompts that are asked for out of turn: the match sentence when it is due, and those whose take was sent back."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from studio.match_file import match_due
from studio.models import Clip, Review, Speaker


@dataclass(frozen=True)
class Asked:
    """A prompt to read again: for the match file, or for a reviewer's `reason`."""

    prompt: int
    reason: str = ""
    is_match: bool = False


def asked_of(speaker: Speaker) -> list[Asked]:
    """All of them, in the order in which they are to be read."""
    due = match_due(speaker)
    returned = retakes_of(speaker)
    if due is None:
        return returned
    return [Asked(due.pk, is_match=True), *(each for each in returned if each.prompt != due.pk)]


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
