"""Who may do what: signed-in people, admins, speakers with consent in force.

Decorators for views. Under `studio.errors.api_errors` they refuse in JSON (401, 403); on a page they lead to where it
can be mended. `require_*` are the same checks for code that is no view.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from studio.errors import Refused
from studio.models import Consent, Speaker

PERSON_HEADER = "X-Person"

AnyUser = AbstractBaseUser | AnonymousUser
View = Callable[..., HttpResponseBase]


class SpeakerRequest(HttpRequest):
    """A request that `speaker_required` let through."""

    user: User
    speaker: Speaker


def is_admin(user: AnyUser) -> bool:
    """Admins invite speakers, start runs and publish voices."""
    return user.is_active and user.is_authenticated and bool(getattr(user, "is_staff", False))


def speaker_of(user: AnyUser) -> Speaker | None:
    """The speaker that this person signs in as, if any."""
    return Speaker.objects.filter(user_id=user.pk).first() if user.is_authenticated else None


def require_sign_in(user: AnyUser) -> None:
    """Raises Refused (401) for someone who is not signed in."""
    if not (user.is_authenticated and user.is_active):
        raise Refused("sign_in", _("먼저 로그인해 주세요."), 401)


def require_admin(user: AnyUser) -> None:
    """Raises Refused (401, 403) for anyone but an admin."""
    require_sign_in(user)
    if not is_admin(user):
        raise Refused("admin_only", _("관리자만 할 수 있어요."), 403)


def require_same_person(request: HttpRequest) -> None:
    """Raises Refused (403) where the page was made for somebody else, who was signed in in this browser before.

    static/js/lib/http.js says whose page it is. Without that, a page that was left open would give what one speaker
    says to the next one.
    """
    person = request.headers.get(PERSON_HEADER)
    if person and request.user.is_authenticated and person != str(request.user.pk):
        raise Refused("other_person", _("이 브라우저에 그사이 다른 사람이 들어왔어요. 페이지를 새로 고쳐 주세요."), 403)


def require_speaker(user: AnyUser) -> Speaker:
    """The person's speaker, with consent in force. Raises Refused (401, 403)."""
    require_sign_in(user)
    speaker = speaker_of(user)
    if speaker is None:
        raise Refused("no_speaker", _("녹음하려면 관리자의 초대가 필요해요."), 403)
    require_consent(speaker)
    return speaker


def require_consent(speaker: Speaker) -> None:
    """Raises Refused (403, no_consent)."""
    if not Consent.objects.in_force().filter(speaker=speaker).exists():
        raise Refused("no_consent", _("녹음하기 전에 목소리 사용에 동의해 주세요."), 403)


def sign_in_required(view: View) -> View:
    """For signed-in people; others go to the sign-in page and come back."""
    return _guarded(view, lambda request: require_sign_in(request.user))


def admin_required(view: View) -> View:
    """For admins."""
    return _guarded(view, lambda request: require_admin(request.user))


def speaker_required(view: View) -> View:
    """For speakers with consent in force, as `request.speaker`; others go to the consent page."""

    def check(request: HttpRequest) -> None:
        request.speaker = require_speaker(request.user)  # type: ignore[attr-defined]

    return _guarded(view, check)


def posted_from(page: str, *, arguments: bool = True) -> Callable[[View], View]:
    """Like `require_POST`, but a GET is led to `page`, which has the form, and with `arguments` those of the view.

    Someone who was signed out meanwhile comes back to the form's address by GET, after signing in.
    """

    def decorated(view: View) -> View:
        @functools.wraps(view)
        def posted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method in {"GET", "HEAD"}:
                return HttpResponseRedirect(reverse(page, args=args, kwargs=kwargs) if arguments else reverse(page))
            response: HttpResponseBase = require_POST(view)(request, *args, **kwargs)
            return response

        return posted

    return decorated


def _guarded(view: View, check: Callable[[HttpRequest], None]) -> View:
    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            require_same_person(request)
            check(request)
            return view(request, *args, **kwargs)
        except Refused as refusal:
            if getattr(request, "answers_json", False):
                raise
            return _lead_on(request, refusal)

    return guarded


def _lead_on(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """Where a person can mend what a page refused."""
    if refusal.code == "sign_in":
        return HttpResponseRedirect(f"{reverse('studio:sign_in')}?{urlencode({'next': _place(request)})}")
    if refusal.code in {"no_speaker", "no_consent"}:
        return HttpResponseRedirect(reverse("studio:consent"))
    return render(request, "studio/refused.html", {"message": refusal.message}, status=refusal.status)


def _place(request: HttpRequest) -> str:
    """Where the person is: a form may name the page that it stands on."""
    page = request.POST.get("next", "")
    inside = url_has_allowed_host_and_scheme(page, allowed_hosts={request.get_host()})
    return page if inside else request.get_full_path()
