"""Pages after recording: the admin's table of takes, and what a speaker sees of their own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from studio import consistency, review, selectors
from studio.access import admin_required, posted_from, sign_in_required, speaker_of
from studio.asked import retakes_of
from studio.errors import Refused, api_errors_unless_form
from studio.json_body import json_object
from studio.models import Clip, Review, Speaker
from studio.review_forms import ReviewForm, SieveForm
from studio.review_words import return_reasons, review_words

TAKES_A_PAGE = 50
INVITATION = "studio.invitation"  # session key: a link is shown once, after the redirect


@require_safe
@never_cache
@ensure_csrf_cookie
@admin_required
def speaker(request: HttpRequest, name: str) -> HttpResponse:
    """One speaker: consent, invitation, and the takes, the worst first."""
    found = get_object_or_404(selectors.speakers_with_counts(), name=name)
    form = SieveForm(request.GET)
    usual = review.usual_of(found)
    page = Paginator(review.takes_ordered(found, form.sieve(), usual), TAKES_A_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "speaker": found, "form": form, "page": page, "takes": review.takes_shown(page.object_list, usual),
        "consent": selectors.consent_in_force(found), "progress": selectors.progress(found), "words": review_words(),
        "reasons": return_reasons(),
    }  # fmt: skip
    invitation = request.session.pop(INVITATION, None) if request.method == "GET" else None
    if invitation and invitation["speaker"] == found.name:
        context["invitation"] = invitation["link"]
    return render(request, "studio/speaker.html", context)


@require_safe
@never_cache
@admin_required
def speaker_course(request: HttpRequest, name: str) -> HttpResponse:
    """What the speaker sees of their own takes, for an admin."""
    return _course(request, get_object_or_404(Speaker, name=name), own=False)


@require_safe
@never_cache
@sign_in_required
def own_course(request: HttpRequest) -> HttpResponse:
    """How far I have come, and how alike my takes are."""
    found = speaker_of(request.user)
    return _course(request, found, own=True) if found else redirect("studio:consent")


@posted_from("studio:speakers", arguments=False)
@api_errors_unless_form
@admin_required
def review_write(request: HttpRequest, clip_id: UUID) -> HttpResponse:
    """`decision` (accept, return, clear) and `reason` of one take; JSON for a program, else back to the page."""
    clip = Clip.objects.filter(pk=clip_id).first()
    if clip is None:
        raise Http404
    as_json = request.content_type == "application/json"
    form = ReviewForm(json_object(request) if as_json else request.POST)
    if not form.is_valid():
        raise Refused("bad_fields", _("보낸 값이 잘못되었어요: %(names)s") % {"names": ", ".join(form.errors)})
    by = request.user if isinstance(request.user, User) else None
    if as_json:
        return JsonResponse(_review_json(review.review_decide(clip=clip, by=by, **form.cleaned_data)))
    try:
        review.review_decide(clip=clip, by=by, **form.cleaned_data)
    except Refused as refusal:
        messages.error(request, refusal.message)
    back = request.POST.get("next", "")
    inside = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return redirect(back if inside else "studio:speakers")


def _course(request: HttpRequest, found: Speaker, *, own: bool) -> HttpResponse:
    asked = retakes_of(found)
    prompts = selectors.prompts_in([each.prompt for each in asked])
    again = [(prompt, each.reason) for prompt, each in zip(prompts, asked, strict=True)]
    context = {"speaker": found, "own": own, "again": again, **consistency.course_of(found)}
    return render(request, "studio/course.html", context)


def _review_json(clip: Clip) -> dict[str, Any]:
    made: Review | None = getattr(clip, "review", None)
    return {
        "id": str(clip.pk),
        "kept": clip.kept,
        "decision": made.decision if made else "",
        "words": str(made.get_decision_display()) if made else "",
        "reason": made.reason if made else "",
    }
