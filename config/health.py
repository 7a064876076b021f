"""`GET /healthz`: is this web process able to serve? For container health checks, proxies and `manage.py up`."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from config import env, redis_server
from studio import hints

logger = logging.getLogger(__name__)
PATH = "/healthz"


def healthz(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer the health check before everything else.

    A middleware and not a view, because a check inside a container knows neither the site's name (ALLOWED_HOSTS) nor
    its HTTPS (the redirect).
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        return report() if request.path == PATH else get_response(request)

    return middleware


def report() -> JsonResponse:
    """200 when the database answers, 503 when not. Redis is named but not required: pages work without it."""
    database = _database_works()
    answer = {"database": database, "redis": _redis_works()}
    return JsonResponse(answer, status=200 if database else 503, headers={"Cache-Control": "no-store"})


def ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def ask_redis() -> None:
    redis_server.ask(env.redis_url())


def _database_works() -> bool:
    try:
        ask_database()
    except Exception as error:
        logger.warning("health: the database does not answer: %s", error)
        return False
    return True


def _redis_works() -> bool:
    try:
        ask_redis()
    except Exception as error:
        hints.lost(error, "it did not answer the health check")
        return False
    hints.back()
    return True
