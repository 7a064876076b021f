"""What the web refuses, and how it says so: `{"code", "message", "params"}` with a 4xx, in the person's language."""

from __future__ import annotations

import functools
from asyncio import iscoroutinefunction
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from speech.errors import SpeechError
from studio.words import ERROR_WORDS


class Refused(Exception):
    """A request that is not done, for a reason that a person can read. `message` is already in their language."""

    def __init__(self, code: str, message: str, status: int = 400, **params: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = str(message)
        self.status = status
        self.params: dict[str, Any] = params

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "params": self.params}


def person_message(error: SpeechError | Refused) -> str:
    """The error in the person's language, looked up by its code; the English sentence where no words are known."""
    words = ERROR_WORDS.get(error.code)
    if isinstance(error, Refused) or words is None:
        return error.message
    try:
        return str(words) % {name: _shown(value) for name, value in error.params.items()}
    except (KeyError, TypeError, ValueError):  # raised without the values that the words name
        return error.message


def _shown(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def stored_message(error: dict[str, Any]) -> str:
    """Like `person_message`, for an error that a row or an event keeps as `{code, message, params}`."""
    params = error.get("params") or {}
    return person_message(SpeechError(str(error.get("message", "")), code=str(error.get("code", "")), **params))


def error_response(error: Exception) -> JsonResponse:
    """The JSON answer of a refusal. Raises what it does not know: that is a bug, and not the person's."""
    if isinstance(error, Refused):
        body, status = error.to_json(), error.status
    elif isinstance(error, SpeechError):
        body, status = {**error.to_json(), "message": person_message(error)}, 400
    elif isinstance(error, Http404):
        body, status = {"code": "not_found", "message": _("찾을 수 없어요."), "params": {}}, 404
    elif isinstance(error, PermissionDenied):
        body, status = {"code": "forbidden", "message": _("이 일을 할 권한이 없어요."), "params": {}}, 403
    else:
        raise error
    return JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})


_KNOWN = (Refused, SpeechError, Http404, PermissionDenied)


def api_errors(view: Callable[..., Any]) -> Callable[..., Any]:
    """Outermost decorator of a view that programs call (sync or async): every refusal becomes JSON.

    It marks the request, so that the decorators of `studio.access` refuse in JSON too, and do not redirect.
    """
    if iscoroutinefunction(view):

        @functools.wraps(view)
        async def answer_async(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            request.answers_json = True  # type: ignore[attr-defined]
            try:
                return await view(request, *args, **kwargs)  # type: ignore[no-any-return]
            except _KNOWN as error:
                return error_response(error)

        return answer_async

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.answers_json = True  # type: ignore[attr-defined]
        try:
            return view(request, *args, **kwargs)  # type: ignore[no-any-return]
        except _KNOWN as error:
            return error_response(error)

    return answer


def api_errors_unless_form(view: Callable[..., Any]) -> Callable[..., Any]:
    """`api_errors` for what programs POST; a plain form or a GET is refused by a page (`studio.access`)."""
    programs = api_errors(view)

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        chosen = programs if request.method == "POST" and not wants_page(request) else view
        return chosen(request, *args, **kwargs)  # type: ignore[no-any-return]

    return answer


def wants_page(request: HttpRequest) -> bool:
    """Whether a person at a browser waits for the answer, and no program."""
    return "text/html" in request.headers.get("Accept", "")


def bad_characters() -> Refused:
    """Why a text is not taken that no database could keep."""
    return Refused("bad_characters", _("다룰 수 없는 글자가 섞여 있어요. 그 글자를 지우고 다시 해 주세요."))


def refusal_response(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """A page for a person at a browser, JSON for a program."""
    if wants_page(request):
        return render(request, "studio/refused.html", {"message": refusal.message}, status=refusal.status)
    return error_response(refusal)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """`CSRF_FAILURE_VIEW`: a page that was open for long, or another site. The recorder asks again with a new token."""
    message = _("페이지를 연 지 오래되었어요. 새로 고친 뒤 다시 해 주세요.")
    return refusal_response(request, Refused("csrf", message, 403))


def sign_in_locked(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any]) -> HttpResponse:
    """`AXES_LOCKOUT_CALLABLE`: too many wrong passwords."""
    minutes = round(settings.AXES_COOLOFF_TIME * 60)
    message = _("비밀번호를 여러 번 틀려서 잠갔어요. %(minutes)s분 뒤에 다시 해 주세요.") % {"minutes": minutes}
    return render(request, "studio/refused.html", {"message": message}, status=429)
