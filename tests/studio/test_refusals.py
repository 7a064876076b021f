"""What somebody sees who comes to an address that has nothing for them: a page of the house, and a way home."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import include, path

pytestmark = pytest.mark.django_db
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError


urlpatterns = [path("forbidden", forbidden), path("broken", broken), path("", include("config.urls"))]


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/no-such-page/", 404, "찾는 페이지가 없어요"),
        ("/speakers/mina/invite/nothing", 404, "찾는 페이지가 없어요"),
        ("/record/move", 405, "여기에는 볼 것이 없어요"),
        ("/forbidden", 403, "이 일을 할 권한이 없어요."),
        ("/broken", 500, "문제가 생겼어요"),
    ],
)
def test_an_address_with_nothing_to_see_answers_in_korean_and_leads_home(
    client: Client, address: str, status: int, words: str
) -> None:
    client.raise_request_exception = False
    with override_settings(ROOT_URLCONF=__name__):
        answer = client.get(address, headers=HTML)
    page = answer.content.decode()
    assert answer.status_code == status
    assert words in page and 'lang="ko"' in page and 'href="/"' in page


def test_the_same_is_said_in_english(client: Client) -> None:
    client.cookies["moksori_language"] = "en"
    assert "There is no such page" in client.get("/no-such-page/").content.decode()


def test_a_program_is_told_the_methods_and_sent_no_page(client: Client) -> None:
    for address in ("/record/move", "/api/read", "/v1/audio/speech"):
        answer = client.get(address, headers={"Accept": "*/*"})
        said = answer.json()
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
        assert (said["code"], said["message"], said["params"]) == (
            "bad_method", "이 주소는 이 방법으로 불러 주세요: POST", {"allow": "POST"},
        )  # fmt: skip
        assert said["error"]["message"] == said["message"]  # where OpenAI's clients look


async def test_the_page_of_a_refused_method_comes_from_the_asynchronous_server_too() -> None:
    answer = await AsyncClient().get("/record/move", headers=HTML)
    assert answer.status_code == 405 and answer.headers["Allow"] == "POST"
    assert "여기에는 볼 것이 없어요" in answer.content.decode()


def test_who_tried_too_many_passwords_is_told_for_how_long_to_wait(client: Client) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post("/sign-in/", {"username": "nobody", "password": "wrong"})
    assert answer.status_code == 429
    assert "15분 뒤에" in answer.content.decode()
