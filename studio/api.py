"""What the recording page's program calls: JSON in, JSON out, refusals with a code and a sentence."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio import files, selectors, services, takes
from studio.access import SpeakerRequest, is_admin, sign_in_required, speaker_required
from studio.errors import Refused, api_errors
from studio.forms import ClipForm, MoveForm
from studio.json_body import json_object
from studio.models import Clip, Prompt


@require_POST
@api_errors
@speaker_required
def clip_create(request: SpeakerRequest) -> JsonResponse:
    """One take: multipart with `audio`, or the raw WAV with the fields in the address."""
    raw = request.content_type in {"audio/wav", "audio/x-wav", "audio/wave"}
    form = checked(ClipForm(request.GET if raw else request.POST))
    audio = None if raw else request.FILES.get("audio")
    data = request.body if raw else audio.read() if audio else b""
    prompt = _prompt(form["prompt"])
    clip, created = takes.clip_create(
        speaker=request.speaker, clip_id=form["id"], prompt=prompt, data=data, sha256=form["sha256"],
        sitting=sitting_of(form, request),
    )  # fmt: skip
    body = {**selectors.take_json(clip), "progress": selectors.progress(request.speaker)}
    return JsonResponse(body, status=201 if created else 200)


@require_safe
@api_errors
@sign_in_required
def clip_audio(request: HttpRequest, clip_id: UUID) -> HttpResponseBase:
    """The untrimmed master; for its speaker and for admins."""
    clip = Clip.objects.select_related("speaker").filter(pk=clip_id).first()
    if clip is None or not (is_admin(request.user) or clip.speaker.user_id == request.user.pk):
        raise Http404
    return files.serve(request, clip.file, "audio/wav", f"{clip.pk}.wav" if "download" in request.GET else None)


@require_POST
@api_errors
@speaker_required
def clip_keep(request: SpeakerRequest, clip_id: UUID) -> JsonResponse:
    """This take is the one; the position moves on to the next open prompt when asked with `{"forward": true}`."""
    clip = takes.clip_keep(clip=own_clip(request, clip_id))
    if json_body(request).get("forward"):
        services.position_move(speaker=request.speaker, action="forward", prompt=clip.prompt)
    return _state(request)


@require_http_methods(["DELETE"])
@api_errors
@speaker_required
def clip_discard(request: SpeakerRequest, clip_id: UUID) -> JsonResponse:
    takes.clip_discard(clip=own_clip(request, clip_id))
    return _state(request)


@require_POST
@api_errors
@speaker_required
def clip_restore(request: SpeakerRequest, clip_id: UUID) -> JsonResponse:
    takes.clip_restore(clip=own_clip(request, clip_id))
    return _state(request)


@require_safe
@api_errors
@speaker_required
def record_next(request: SpeakerRequest) -> JsonResponse:
    """The prompt to show, its takes, progress, and the prompts in reserve."""
    return _state(request)


@require_POST
@api_errors
@speaker_required
def record_move(request: SpeakerRequest) -> JsonResponse:
    """`{"action": "next"|"back"|"forward"|"open"|"skip", "prompt": id, "reason": …}` → the new state."""
    form = checked(MoveForm(json_body(request)))
    prompt = _prompt(form["prompt"]) if form["prompt"] else None
    services.position_move(speaker=request.speaker, action=form["action"], prompt=prompt, reason=form["reason"])
    return _state(request)


def _state(request: SpeakerRequest) -> JsonResponse:
    return JsonResponse(selectors.record_state(request.speaker))


def own_clip(request: SpeakerRequest, clip_id: UUID) -> Clip:
    clip = selectors.clip_of(request.speaker, clip_id)
    if clip is None:
        raise Refused("no_clip", _("이 녹음을 찾을 수 없어요."), 404, id=str(clip_id))
    return clip


def _prompt(pk: int) -> Prompt:
    prompt = Prompt.objects.filter(pk=pk).first()
    if prompt is None:
        raise Refused("no_prompt", _("이 문장을 찾을 수 없어요. 페이지를 새로 고쳐 주세요."), 404, prompt=pk)
    return prompt


def sitting_of(form: dict[str, Any], request: HttpRequest) -> takes.Sitting:
    microphone = form["microphone"] if isinstance(form["microphone"], dict) else {}
    dropouts = form["dropouts"] if isinstance(form["dropouts"], list) else []
    return takes.Sitting(
        id=form["session"],
        device=form["device"],
        microphone={str(name)[:40]: value for name, value in list(microphone.items())[:40]},
        dropouts=tuple(str(each)[:80] for each in dropouts[:20]),
        user_agent=request.headers.get("User-Agent", ""),
    )


def checked(form: forms.Form) -> dict[str, Any]:
    """The cleaned fields. Refused (400) names the fields that are missing or wrong."""
    if not form.is_valid():
        names = ", ".join(form.errors)
        raise Refused("bad_fields", _("보낸 값이 잘못되었어요: %(names)s") % {"names": names}, names=list(form.errors))
    return form.cleaned_data


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the body, or the fields of a form; empty for an empty body."""
    if request.content_type != "application/json":
        return request.POST.dict()
    return json_object(request)
