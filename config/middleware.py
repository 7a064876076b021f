"""Headers that no library sets for us, and the cap on request bodies."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def permissions_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """The microphone for our own pages, nothing else for anyone."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Permissions-Policy"] = "microphone=(self), camera=(), geolocation=(), payment=(), usb=()"
        return response

    return middleware
