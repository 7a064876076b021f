"""What happens to an utterance, as numbered events: derived from the rows, so a reload sees what a first look saw.

1        split     {"sentences"}                    a worker has split the text
2 …      sentence  {"index", "text", "url", …}      one sentence is spoken; its sound is behind `url`
last     end       {"state", "seconds", "error", "download"}
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from studio.errors import stored_message
from studio.live import publish, publish_change
from synthesis.models import Utterance, UtteranceSentence
from synthesis.words import LISTENER_WORDS


def group_name(pk: UUID | str) -> str:
    return f"utterance.{pk}"


def all_events(utterance: Utterance) -> list[dict[str, Any]]:
    """Every event so far, numbered without gaps from 1."""
    events: list[dict[str, Any]] = []
    if utterance.sentence_count:
        events.append(split_event(utterance))
    events += [sentence_event(sentence) for sentence in utterance.sentences.order_by("index")]
    if utterance.state not in Utterance.ACTIVE:
        events.append(_event(len(events) + 1, "end", end_data(utterance), utterance.ended_at))
    return events


def split_event(utterance: Utterance) -> dict[str, Any]:
    return _event(1, "split", {"sentences": utterance.sentence_count}, None)


def sentence_event(sentence: UtteranceSentence) -> dict[str, Any]:
    return _event(sentence.index + 2, "sentence", sentence_data(sentence), sentence.created_at)


def end_data(utterance: Utterance) -> dict[str, Any]:
    return {
        "state": utterance.state,
        "seconds": round(utterance.seconds, 2),
        "error": error_data(utterance.error),
        "download": download_url(utterance),
    }


def sentence_data(sentence: UtteranceSentence) -> dict[str, Any]:
    """What a page needs to show and play one sentence."""
    return {
        "index": sentence.index,
        "text": sentence.text,
        "reading": sentence.reading,
        "seconds": round(sentence.seconds, 3),
        "reached_limit": sentence.reached_limit,
        "coverage": round(sentence.coverage, 3),
        "url": reverse("synthesis:sentence_sound", args=[sentence.utterance_id, sentence.index]),
    }


def error_data(error: dict[str, Any]) -> dict[str, Any]:
    """An error as a row keeps it, with its words in the listener's language."""
    if not error:
        return {}
    words = LISTENER_WORDS.get(str(error.get("code")))
    return {**error, "message": str(words) if words else stored_message(error)}


def download_url(utterance: Utterance) -> str:
    return reverse("synthesis:utterance_wav", args=[utterance.pk]) if utterance.file else ""


def send(pk: UUID, event: dict[str, Any]) -> None:
    """Tell the pages that are open; the row behind the event is committed already."""
    publish(group_name(pk), event["seq"], None if event["data"].get("error") else event)


def send_change(pk: UUID) -> None:
    """Tell the pages that the text is waiting again: it is no event, and they get a snapshot."""
    publish_change(group_name(pk))


def send_last(utterance: Utterance) -> None:
    """Tell the pages of the newest event."""
    if events := all_events(utterance):
        send(utterance.pk, events[-1])


def _event(seq: int, kind: str, data: dict[str, Any], at: datetime | None) -> dict[str, Any]:
    return {"seq": seq, "kind": kind, "data": data, "at": (at or timezone.now()).isoformat()}
