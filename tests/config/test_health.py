"""The health check answers whoever asks, wherever the site lies."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


def test_it_answers_without_the_sites_name_and_without_https(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get("/healthz", headers={"host": "10.0.0.7:8000"})
    assert answer.status_code == 200
    assert answer.json()["database"] is True


def test_a_redis_that_is_away_is_named_but_pages_still_work(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"database": True, "redis": False})


def test_it_is_never_kept_by_a_cache(client: Client) -> None:
    assert client.get("/healthz")["Cache-Control"] == "no-store"
