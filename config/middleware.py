"""What no library does for us: a header, fields that no database takes, and a page where a method is refused."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _

from studio.errors import Refused, bad_characters, refusal_response, wants_page
from synthesis.api import program_error


def permissions_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """The microphone for our own pages, nothing else for anyone."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Permissions-Policy"] = "microphone=(self), camera=(), geolocation=(), payment=(), usb=()"
        return response

    return middleware


class StorableFields(MiddlewareMixin):
    """Refuses a NUL in an address or a form: PostgreSQL takes none, and most views look at fields themselves."""

    def process_view(self, request: HttpRequest, *args: object) -> HttpResponse | None:
        fields = [*request.GET.lists(), *request.POST.lists()]
        if any("\0" in value for _name, values in fields for value in values):
            return refusal_response(request, bad_characters())
        return None


@sync_and_async_middleware
def refused_method(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Django answers 405 with an empty body: somebody who typed such an address gets a page, a program gets JSON."""
    if iscoroutinefunction(get_response):

        async def middleware_async(request: HttpRequest) -> HttpResponse:
            response = await get_response(request)
            return await sync_to_async(_in_words)(request, response) if response.status_code == 405 else response

        return middleware_async

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        return _in_words(request, response) if response.status_code == 405 else response

    return middleware


def _in_words(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    allowed = response["Allow"]
    if wants_page(request):
        answer = render(request, "405.html", status=405)
    else:
        message = _("이 주소는 이 방법으로 불러 주세요: %(methods)s") % {"methods": allowed}
        answer = program_error(Refused("bad_method", message, 405, allow=allowed))
    answer["Allow"] = allowed
    return answer
