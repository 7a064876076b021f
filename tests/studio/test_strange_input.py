"""What no page of ours sends, and what no database keeps: it is refused in words, and is no fault of the server's."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db
DEEP = "[" * 100_000


@pytest.fixture
def boss(admin: User) -> Client:
    client = Client()
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("address", ["/api/read", "/utterances/", "/v1/audio/speech", "/dictionary/entries"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (DEEP, "bad_json"),
        ('{"text": ' + DEEP, "bad_json"),
        ('{"start": 1e999, "text": "가"}', "bad_json"),
    ],
)
def test_json_that_cannot_be_kept_is_refused(address: str, body: str, code: str, boss: Client) -> None:
    answer = boss.post(address, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("address", ["/prompts/?corpus=%00", "/dictionary/?q=a%00", "/dictionary/export?speaker=%00"])
def test_an_address_with_a_nul_is_answered_by_a_page(address: str, boss: Client) -> None:
    answer = boss.get(address, headers={"Accept": "text/html"})
    assert answer.status_code == 400
    assert "다룰 수 없는 글자" in answer.content.decode()


@pytest.mark.parametrize("address", ["/tokens/", "/voices/invite/", "/voices/base/rename/", "/voices/base/release/"])
def test_a_form_with_a_nul_is_refused(address: str, boss: Client) -> None:
    answer = boss.post(address, {"label": "가\0", "reason": "가\0"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_characters")
