"""The page on which a speaker agrees by speaking, and the sound of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from studio import consent, files, selectors, services, statements
from studio.access import AnyUser, is_admin, posted_from, sign_in_required, speaker_of
from studio.api import checked, sitting_of
from studio.check_words import station_words
from studio.errors import Refused, api_errors
from studio.forms import StatementForm
from studio.models import Consent, Speaker


@require_safe
@never_cache
@ensure_csrf_cookie
@sign_in_required
def consent_page(request: HttpRequest) -> HttpResponse:
    """What the voice is for, and the statement to speak; or the consent that holds, and how to take it back."""
    speaker = speaker_of(request.user)
    given = selectors.consent_in_force(speaker) if speaker else None
    context: dict[str, Any] = {
        "speaker": speaker, "given": given, "may_give": speaker is not None or is_admin(request.user),
        "points": consent.points(), "statement": consent.statement(),
        "text_sha256": consent.text_sha256(consent.text()), "words": station_words(),
    }  # fmt: skip
    return render(request, "studio/consent.html", context)


@require_POST
@api_errors
@sign_in_required
def statement_create(request: HttpRequest) -> JsonResponse:
    """The spoken statement: multipart with `audio`. With it the consent is given; without it there is none."""
    form = checked(StatementForm(request.POST))
    audio = request.FILES.get("audio")
    row, created = statements.consent_speak(
        speaker=_speaker(request.user, form["label"]), statement_id=form["id"], data=audio.read() if audio else b"",
        sha256=form["sha256"], text_sha256=form["text_sha256"], sitting=sitting_of(form, request),
    )  # fmt: skip
    body = {"sha256": row.sha256, "given_at": row.given_at.isoformat(), "next": reverse("studio:check")}
    return JsonResponse(body, status=201 if created else 200)


@require_safe
@api_errors
@sign_in_required
def statement_audio(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The stored statement; for its speaker, also after the consent was taken back, and for admins."""
    row = Consent.objects.select_related("speaker").filter(pk=pk).exclude(file="").first()
    if row is None or not (is_admin(request.user) or row.speaker.user_id == request.user.pk):
        raise Http404
    return files.serve(request, row.file, "audio/wav")


@posted_from("studio:consent")
@sign_in_required
def consent_withdraw(request: HttpRequest) -> HttpResponse:
    if speaker := speaker_of(request.user):
        services.consent_withdraw(speaker=speaker)
        messages.success(
            request, _("동의를 거두었어요. 녹음은 학습에 쓰이지 않고, 그것으로 만든 목소리는 말하지 않아요.")
        )
    return redirect("studio:consent")


def _speaker(user: AnyUser, label: str) -> Speaker:
    if speaker := speaker_of(user):
        return speaker
    if not is_admin(user):
        raise Refused("no_speaker", _("녹음하려면 관리자의 초대가 필요해요."), 403)
    return statements.speaker_of_own(user=user, label=label)  # type: ignore[arg-type]
