"""Pages of the speaking room, and what their scripts call. What programs call is in `api`."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from speech.errors import SpeechError
from studio import files
from studio.access import admin_required, posted_from, sign_in_required
from studio.errors import Refused, api_errors, api_errors_unless_form, person_message, wants_page
from studio.json_body import json_object, text_of
from synthesis import consent, pages, selectors, services
from synthesis.forms import PublishForm
from synthesis.models import ApiToken, Utterance, Voice
from training.models import Checkpoint


class SignedIn(HttpRequest):
    """A request that `sign_in_required` or `admin_required` let through."""

    user: User


# Where a refusal is shown in the form.
FIELD_OF = {
    "name_taken": "name", "bad_name": "name", "no_label": "label", "other_speaker": "replaces",
    "checkpoint_gone": "acoustic",
}  # fmt: skip


@never_cache
@sign_in_required
def speak(request: SignedIn, pk: UUID | None = None) -> HttpResponse:
    """The room itself; with `pk` it opens on one's own utterance. Works as a plain form where no script runs."""
    if request.method == "POST":
        return _speak_by_form(request)
    opened = None if pk is None else _own(request, pk)
    return render(request, "synthesis/speak.html", pages.speak(request, opened))


def _speak_by_form(request: SignedIn) -> HttpResponse:
    voice = selectors.voice_named(request.POST.get("voice", ""))
    try:
        if voice is None:
            raise Refused("no_voice", _("먼저 목소리를 골라 주세요."))
        text = request.POST.get("text", "")
        utterance = services.utterance_request(voice=voice, text=text, requested_by=request.user)
    except (Refused, SpeechError) as error:
        messages.error(request, person_message(error))
        return render(request, "synthesis/speak.html", pages.speak(request, None), status=400)
    return redirect("synthesis:speak_utterance", utterance.pk)


@never_cache
@require_safe
@sign_in_required
def history(request: SignedIn) -> HttpResponse:
    """The list alone, which the page's script puts in place."""
    return render(request, "synthesis/_history.html", pages.history(request))


@require_POST
@api_errors
@sign_in_required
def utterance_create(request: SignedIn) -> HttpResponse:
    """`{"text", "voice", "seed", "dictionary": {word: reading}}` → the utterance's state."""
    body = json_object(request)
    name, text = text_of(body.get("voice", ""), "voice"), text_of(body.get("text"), "text")
    voice = selectors.voice_named(name)
    if voice is None and selectors.voice_is_withheld(name):
        raise services.withheld_refusal()
    if voice is None:
        raise Refused("no_such_voice", _("그 목소리는 이제 없어요. 다른 목소리를 골라 주세요."), 404)
    seed = body.get("seed", 0)
    if not isinstance(seed, int):
        raise Refused("bad_seed", _("seed는 0부터 2147483647까지의 수여야 해요."), seed=seed)
    choices = body.get("dictionary")
    utterance = services.utterance_request(
        voice=voice, text=text, requested_by=request.user, seed=seed, choices=choices
    )
    return JsonResponse(selectors.utterance_state(utterance), status=201)


@never_cache
@require_safe
@api_errors
@sign_in_required
def utterance(request: SignedIn, pk: UUID) -> HttpResponse:
    return JsonResponse(selectors.utterance_state(_own(request, pk)))


@require_POST
@api_errors
@sign_in_required
def utterance_stop(request: SignedIn, pk: UUID) -> HttpResponse:
    return JsonResponse(selectors.utterance_state(services.utterance_stop(utterance=_own(request, pk))))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@api_errors_unless_form
@sign_in_required
def utterance_delete(request: SignedIn, pk: UUID) -> HttpResponse:
    """GET asks first, on a page without a script; POST deletes, for a script as well."""
    found = _own(request, pk)
    if request.method != "POST":
        return render(request, "synthesis/delete.html", {"utterance": found})
    services.utterance_delete(utterance=found)
    if not wants_page(request):
        return JsonResponse({"deleted": str(pk)})
    messages.success(request, _("지웠어요"))
    return redirect("synthesis:speak")


@require_safe
@api_errors
@sign_in_required
def utterance_wav(request: SignedIn, pk: UUID) -> HttpResponseBase:
    """The whole WAV; its name and its inside say that a machine made it."""
    found = _own(request, pk)
    if not found.file:
        raise Refused("not_ready", _("아직 다 만들지 못했어요."), 409)
    name = f"{found.voice.name}-AI-{found.created_at:%Y%m%d-%H%M%S}.wav"
    response = files.serve(request, found.file, "audio/wav", download_name=name)
    response["X-AI-Generated"] = "true"
    return response


@require_safe
@api_errors
@sign_in_required
def sentence_sound(request: SignedIn, pk: UUID, index: int) -> HttpResponseBase:
    sentence = _own(request, pk).sentences.filter(index=index).first()
    if sentence is None:
        raise Http404
    response = files.serve(request, sentence.file, "audio/wav")
    response["X-AI-Generated"] = "true"
    return response


@never_cache
@admin_required
def voices(request: SignedIn) -> HttpResponse:
    return render(request, "synthesis/voices.html", pages.voices(request))


@never_cache
@admin_required
def voice_publish(request: SignedIn, checkpoint: UUID | None = None) -> HttpResponse:
    """From a run's page with the checkpoint chosen, or from the list of voices."""
    chosen = checkpoint and get_object_or_404(Checkpoint, pk=checkpoint, kind=Checkpoint.Kind.ACOUSTIC)
    form = PublishForm(request.POST or None, initial=pages.publish_initial(chosen or None))
    if request.method == "POST" and form.is_valid():
        try:
            voice = pages.publish(form, request.user)
        except Refused as error:
            form.add_error(FIELD_OF.get(error.code), error.message)
        else:
            replaced = _("‘%(label)s’ 목소리를 새 소리로 바꾸었어요.")
            words = replaced if form.cleaned_data["replaces"] else _("‘%(label)s’ 목소리를 공개했어요.")
            messages.success(request, words % {"label": voice.label})
            return redirect("synthesis:voices")
    status = 400 if form.errors else 200
    return render(request, "synthesis/publish.html", {"form": form, "checkpoint": chosen}, status=status)


@posted_from("synthesis:voices", arguments=False)
@admin_required
def voice_rename(request: SignedIn, name: str) -> HttpResponse:
    try:
        services.voice_rename(voice=_voice(name), label=request.POST.get("label", ""))
    except Refused as error:
        messages.error(request, error.message)
    return redirect("synthesis:voices")


@posted_from("synthesis:voices", arguments=False)
@admin_required
def voice_retire(request: SignedIn, name: str) -> HttpResponse:
    voice = services.voice_retire(voice=_voice(name))
    messages.success(request, _("‘%(label)s’ 목소리를 거두었어요.") % {"label": voice.label})
    return redirect("synthesis:voices")


@posted_from("synthesis:voices", arguments=False)
@admin_required
def voice_restore(request: SignedIn, name: str) -> HttpResponse:
    voice = services.voice_restore(voice=_voice(name))
    messages.success(request, _("‘%(label)s’ 목소리를 다시 쓸 수 있어요.") % {"label": voice.label})
    return redirect("synthesis:voices")


@posted_from("synthesis:voices", arguments=False)
@admin_required
def voice_release(request: SignedIn, name: str) -> HttpResponse:
    """The admin's decision about a voice whose speaker took the consent back; the other one is to retire it."""
    try:
        voice = consent.voice_release(
            voice=_voice(name), reason=request.POST.get("reason", ""), released_by=request.user
        )
        messages.success(request, _("‘%(label)s’ 목소리를 다시 쓸 수 있어요.") % {"label": voice.label})
    except Refused as error:
        messages.error(request, error.message)
    return redirect("synthesis:voices")


@never_cache
@posted_from("synthesis:voices", arguments=False)
@admin_required
def listener_invite(request: SignedIn) -> HttpResponse:
    """Shows the link once: it is kept nowhere."""
    try:
        user, token = services.listener_invite(label=request.POST.get("label", ""))
    except Refused as error:
        messages.error(request, error.message)
        return redirect("synthesis:voices")
    link = request.build_absolute_uri(reverse("studio:enter", args=[token]))
    return render(request, "synthesis/voices.html", {**pages.voices(request), "invited": user, "link": link})


@never_cache
@sign_in_required
def tokens(request: SignedIn) -> HttpResponse:
    """Keys for programs; a new one is shown this once."""
    key = ""
    if request.method == "POST":
        try:
            _token, key = services.api_token_create(user=request.user, label=request.POST.get("label", ""))
        except Refused as error:
            messages.error(request, error.message)
    address = request.build_absolute_uri(reverse("synthesis:api_speak"))
    context = {"tokens": selectors.tokens_of(request.user), "key": key, "address": address}
    return render(request, "synthesis/tokens.html", context)


@posted_from("synthesis:tokens", arguments=False)
@sign_in_required
def token_revoke(request: SignedIn, pk: int) -> HttpResponse:
    services.api_token_revoke(token=get_object_or_404(ApiToken, pk=pk, user=request.user))
    messages.success(request, _("열쇠를 없앴어요."))
    return redirect("synthesis:tokens")


def _own(request: SignedIn, pk: UUID) -> Utterance:
    found = selectors.utterance_for(request.user, pk)
    if found is None:
        raise Http404
    return found


def _voice(name: str) -> Voice:
    return get_object_or_404(Voice, name=name)
