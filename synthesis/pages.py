"""What the pages of the speaking room show."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest

from studio.access import is_admin
from synthesis import reading, selectors, services
from synthesis.forms import AUTOMATIC, PublishForm
from synthesis.models import Utterance, Voice
from training.models import Checkpoint

EXAMPLES = (
    "안녕하세요. 오늘은 어떤 이야기를 들려 드릴까요?",
    "내일 서울의 아침 기온은 12도, 비 올 확률은 30%입니다.",
    "3번 출구로 나오셔서 5분만 걸어오시면 돼요!",
)


def speak(request: HttpRequest, opened: Utterance | None) -> dict[str, Any]:
    """The room: voices, the text at hand, the utterance that is open, the history."""
    text = request.POST.get("text") or (opened.text if opened else "")
    wanted = request.POST.get("voice") or (opened.voice.name if opened else request.GET.get("voice", ""))
    voices = reading.warn(selectors.voices_in_use())
    default = selectors.voice_default(voices, selectors.utterances_of(request.user))
    return {
        "voices": voices,
        "chosen": wanted if any(voice.name == wanted for voice in voices) else default and default.name,
        "text": text,
        "limit": settings.SPEAK_TEXT_LIMIT,
        "examples": EXAMPLES,
        "opened": opened,
        "state": selectors.utterance_state(opened) if opened else None,
        "is_admin": is_admin(request.user),
        **history(request),
    }


def history(request: HttpRequest) -> dict[str, Any]:
    """One's own utterances, a page at a time."""
    pages = Paginator(selectors.utterances_of(request.user), selectors.HISTORY)
    return {"history": pages.get_page(request.GET.get("page"))}


def voices(request: HttpRequest) -> dict[str, Any]:
    """All voices, and whether there is anything to publish."""
    return {
        "voices": reading.warn(selectors.voices_all()),
        "can_publish": selectors.checkpoints_to_publish().exists(),
        "invited": None,
        "link": "",
    }


def publish_initial(checkpoint: Checkpoint | None) -> dict[str, Any]:
    """A new voice is called as its speaker is; a speaker who has one gets it renewed."""
    initial: dict[str, Any] = {"acoustic": checkpoint, "vocoder": AUTOMATIC}
    if checkpoint and checkpoint.run:
        speaker = checkpoint.run.speaker
        initial |= {"name": selectors.voice_name_free(speaker.name), "label": speaker.label}
        initial["replaces"] = selectors.voices_replaceable().filter(speaker=speaker).first()
    elif checkpoint:
        initial |= {"label": checkpoint.name}
    return initial


def publish(form: PublishForm, user: User) -> Voice:
    """What a valid form asks for. Raises Refused."""
    data = form.cleaned_data
    if data["replaces"]:
        return services.voice_update(voice=data["replaces"], acoustic=data["acoustic"], vocoder=form.vocoder_chosen())
    return services.voice_publish(
        acoustic=data["acoustic"],
        vocoder=form.vocoder_chosen(),
        name=data["name"],
        label=data["label"],
        published_by=user,
    )
