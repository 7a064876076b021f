"""Who calls an API: a program with a key, or the browser of a person who is signed in."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import reverse
from django.utils.translation import gettext as _

from studio.access import PERSON_HEADER, require_sign_in
from studio.errors import Refused
from synthesis import selectors

OWN_SITES = {"same-origin", "none"}  # none: an address that was typed; what is no browser says nothing


def caller(request: HttpRequest) -> User:
    """The person behind an API call: of the key in `Authorization: Bearer …`, else of the session.

    Views that use it are csrf_exempt: a key needs no token, and for a session the token is checked here. No token
    guards a GET, and a link on another site brings the session along: it would speak in the name of whoever clicks.
    Raises Refused: bad_key and sign_in (401), other_site and csrf (403).
    """
    scheme, _space, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        user = selectors.user_of_token(key.strip())
        if user is None:
            raise Refused("bad_key", _("이 열쇠로는 들어올 수 없어요. 새로 만들어 주세요."), 401)
        return user
    if not request.user.is_authenticated and not request.headers.get(PERSON_HEADER):  # a program, and no page of ours
        words = _("열쇠가 없어요. ‘Authorization: Bearer 열쇠’ 헤더를 함께 보내 주세요. 열쇠는 %(page)s 에서 만들어요.")
        page = request.build_absolute_uri(reverse("synthesis:tokens"))
        raise Refused("sign_in", words % {"page": page}, 401, page=page)
    require_sign_in(request.user)
    if request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITES:
        raise Refused("other_site", _("다른 사이트에서 온 요청은 받지 않아요. 이 사이트에서 다시 해 주세요."), 403)
    if _Csrf(lambda _request: HttpResponse()).refuses(request):
        raise Refused("csrf", _("페이지를 연 지 오래되었어요. 새로 고친 뒤 다시 해 주세요."), 403)
    return cast(User, request.user)


class _Csrf(CsrfViewMiddleware):
    """Django's own check, for a view that is exempt as long as a key is shown."""

    def refuses(self, request: HttpRequest) -> bool:
        self.process_request(request)
        return self.process_view(request, _not_exempt, (), {}) is not None

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return HttpResponse(reason, status=403)


def _not_exempt(request: HttpRequest) -> HttpResponse:
    return HttpResponse()
