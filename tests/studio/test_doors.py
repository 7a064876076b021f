"""Links, signing in and out, invitations, consent: who gets in, and how often."""

from __future__ import annotations

import html
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studio import consent, services
from studio.models import Consent, SignInLink, Speaker
from tests.servers import ROOT
from tests.studio.conftest import send
from tests.studio.sounds import statement_upload

pytestmark = pytest.mark.django_db

STATEMENT = "/record/consent/statement"


def test_looking_at_a_link_does_not_use_it_up_and_the_button_does(client: Client, admin: User) -> None:
    address = reverse("studio:enter", args=[services.sign_in_link_create(user=admin)])
    assert client.get(address).status_code == client.get(address).status_code == 200
    assert "_auth_user_id" not in client.session
    assert client.post(address).status_code == 302
    assert client.session["_auth_user_id"] == str(admin.pk)
    assert Client().post(address).status_code == 410


def test_an_expired_or_unknown_link_lets_nobody_in(client: Client, admin: User) -> None:
    token = services.sign_in_link_create(user=admin)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.post(reverse("studio:enter", args=[token])).status_code == 410
    assert client.post(reverse("studio:enter", args=["x" * 43])).status_code == 410
    assert "_auth_user_id" not in client.session


def test_only_the_hash_of_a_link_is_kept(admin: User) -> None:
    token = services.sign_in_link_create(user=admin)
    assert token not in str(SignInLink.objects.values())


@pytest.mark.django_db(transaction=True)
def test_a_link_clicked_eight_times_at_once_lets_one_in() -> None:
    token = services.sign_in_link_create(user=User.objects.create_user("one"))

    def click(_: int) -> bool:
        try:
            return services.sign_in_link_use(token=token) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(click, range(8))) == 1


def test_who_is_signed_in_already_is_told_that_another_ones_link_signs_them_out(client: Client, admin: User) -> None:
    token = services.sign_in_link_create(user=User.objects.create_user("one", first_name="영희"))
    assert "들어와 있어요" not in client.get(f"/enter/{token}/").content.decode()
    admin.set_unusable_password()
    admin.save()
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/enter/{token}/").content.decode()
    assert "admin 님은 나가고 영희 님이 들어와요." in page
    assert "admin 님이 다시 들어오려면 새 링크가 있어야 해요." in page
    own = services.sign_in_link_create(user=admin)
    assert "들어와 있어요" not in client.get(f"/enter/{own}/").content.decode()


@pytest.mark.parametrize(("host", "here_only"), [("127.0.0.1:8000", True), ("localhost", True), ("testserver", False)])
def test_an_invitation_says_where_it_opens_on_this_computer_only(
    host: str, here_only: bool, client: Client, admin: User
) -> None:
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    for page, body in (("/speakers/", {"label": "미나"}), ("/voices/invite/", {"label": "준호"})):
        answer = client.post(page, body, follow=True, headers={"Host": host})
        assert ("이 링크는 이 컴퓨터에서만 열려요." in answer.content.decode()) is here_only
        assert f"http://{host}/enter/" in answer.content.decode()


def test_a_preview_that_asks_for_the_head_of_a_link_is_answered_and_does_not_use_it_up(client: Client) -> None:
    token = services.sign_in_link_create(user=User.objects.create_user("one"))
    assert client.head(f"/enter/{token}/").status_code == 200
    assert client.head("/").status_code == 200
    assert client.post(f"/enter/{token}/").status_code == 302


def test_an_invited_speaker_reads_the_consent_and_only_then_records(client: Client, admin: User) -> None:
    boss = Client()
    boss.force_login(admin)
    page = boss.post("/speakers/", {"label": "미나", "name": "mina"}, follow=True)
    link = page.context["invitation"]
    assert boss.get("/speakers/mina/").context.get("invitation") is None
    client.post(link.removeprefix("http://testserver"))
    assert client.get("/record/").headers["Location"] == "/record/consent/"
    assert client.post("/record/consent/", {"agree": "on"}).status_code == 405
    assert not Consent.objects.exists()
    assert send(client, statement_upload(), STATEMENT).json()["next"] == "/record/check/"
    given = Consent.objects.get()
    assert given.text == consent.text() and given.text_sha256 == consent.text_sha256(given.text)
    assert client.get("/record/").status_code == 200


def test_withdrawn_consent_stays_in_the_record_and_closes_the_room(speaking: Client, speaker: Speaker) -> None:
    assert speaking.post("/record/consent/withdraw").status_code == 302
    assert speaker.consents.get().withdrawn_at is not None
    assert speaking.get("/record/").headers["Location"] == "/record/consent/"
    assert send(speaking, statement_upload(), STATEMENT).status_code == 201
    assert speaker.consents.count() == 2
    assert speaking.get("/record/").status_code == 200


def test_an_admin_becomes_a_speaker_by_agreeing(client: Client, admin: User) -> None:
    client.force_login(admin)
    send(client, statement_upload(label="나"), STATEMENT)
    assert Speaker.objects.get(user=admin).label == "나"
    assert client.get("/record/").status_code == 200


def test_somebody_without_an_invitation_cannot_make_themselves_a_speaker(client: Client) -> None:
    client.force_login(User.objects.create_user("listener"))
    answer = send(client, statement_upload(), STATEMENT)
    assert (answer.status_code, answer.json()["code"]) == (403, "no_speaker")
    assert not Speaker.objects.exists()


@pytest.mark.parametrize("address", ["/speakers/", "/prompts/"])
def test_admin_pages_are_for_admins(address: str, speaking: Client, admin: User) -> None:
    assert speaking.get(address).status_code == 403
    assert Client().get(address).headers["Location"].startswith("/sign-in/?next=")
    boss = Client()
    boss.force_login(admin)
    assert boss.get(address).status_code == 200


def test_a_password_signs_in_and_comes_back_to_the_page_that_was_asked_for(client: Client) -> None:
    User.objects.create_superuser("boss", password="correct horse battery staple")
    body = {"username": "boss", "password": "correct horse battery staple", "next": "/speakers/"}
    assert client.post("/sign-in/", body).headers["Location"] == "/speakers/"
    assert client.post("/sign-out/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_wrong_password_is_refused_in_our_own_words(client: Client) -> None:
    page = client.post("/sign-in/", {"username": "boss", "password": "wrong"}).content.decode()
    assert "이름이나 비밀번호가 맞지 않아요." in page and "와/과" not in page


def test_a_browser_that_asks_for_an_icon_is_led_to_it(client: Client) -> None:
    assert client.get("/favicon.ico").headers["Location"].startswith("/static/img/mark")


def admin_link_command(page: str) -> list[str]:
    """What the page tells an admin to type, in words."""
    command = re.search("<code>(.*admin_link.*)</code>", page)
    assert command
    return shlex.split(html.unescape(command[1]))


def test_the_sign_in_page_names_the_command_that_lets_an_admin_in_again(client: Client, admin: User) -> None:
    python, manage, *command = admin_link_command(client.get("/sign-in/").content.decode())
    assert f"VENV = {python.removesuffix('/bin/python')}\n" in (ROOT / "Makefile").read_text()
    assert (ROOT / manage).is_file()
    link = StringIO()
    call_command(*command, f"--name={admin.username}", stdout=link)
    assert client.post(link.getvalue().strip().removeprefix("http://testserver")).status_code == 302
    assert client.session["_auth_user_id"] == str(admin.pk)


def test_who_has_no_password_is_told_before_signing_out_how_to_come_in_again(speaking: Client, admin: User) -> None:
    boss, other = Client(), Client()
    boss.force_login(admin)
    other.force_login(User.objects.create_superuser("sora"))
    for person in (speaking, boss, other):
        assert 'href="/sign-out/"' in person.get("/").content.decode()
        assert "비밀번호가 없어요" in person.get("/sign-out/").content.decode()
        assert "_auth_user_id" in person.session
    assert "--name" not in admin_link_command(boss.get("/sign-out/").content.decode())
    assert "--name sora" in " ".join(admin_link_command(other.get("/sign-out/").content.decode()))
    assert "admin_link" not in speaking.get("/sign-out/").content.decode()
    assert boss.post("/sign-out/").status_code == 302
    assert boss.get("/sign-out/").headers["Location"] == "/sign-in/"


def test_who_has_a_password_signs_out_at_once(client: Client) -> None:
    client.force_login(User.objects.create_user("listener", password="correct horse battery staple"))
    assert 'action="/sign-out/"' in client.get("/").content.decode()


def test_the_first_page_shows_three_rooms_to_an_admin(client: Client, admin: User) -> None:
    client.force_login(admin)
    page = client.get("/").content.decode()
    assert all(address in page for address in ('href="/record/"', 'href="/train/"', 'href="/speak/"'))


def test_two_speakers_cannot_have_one_name(client: Client, admin: User) -> None:
    client.force_login(admin)
    client.post("/speakers/", {"label": "미나", "name": "mina"})
    page = client.post("/speakers/", {"label": "또 미나", "name": "mina"})
    assert "이미 있는 이름이에요." in page.content.decode() and Speaker.objects.count() == 1


def test_speakers_whose_labels_have_no_latin_letters_get_names_of_their_own() -> None:
    names = [services.speaker_create(label="미나").name, services.speaker_create(label="미나").name]
    assert len(set(names)) == 2


def test_two_without_a_name_who_are_made_at_once_are_both_made(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    free_name = services._free_name

    def then_the_other() -> str:
        """Between the look for a free number and the row, the other request makes its own."""
        monkeypatch.setattr(services, "_free_name", free_name)
        name = free_name()
        services.speaker_create(label="보라")
        return name

    monkeypatch.setattr(services, "_free_name", then_the_other)
    mina = services.speaker_create(label="미나")
    assert (mina.label, Speaker.objects.get(label="보라").name != mina.name) == ("미나", True)


def test_a_page_without_a_csrf_token_is_refused_in_json_to_programs_and_in_words_to_people(admin: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin)
    program = strict.post("/record/move", {}, headers={"Accept": "application/json"})
    assert (program.status_code, program.json()["code"]) == (403, "csrf")
    person = strict.post("/speakers/", {}, headers={"Accept": "text/html"})
    assert person.status_code == 403 and "새로 고친 뒤" in person.content.decode()


def test_who_is_invited_by_two_clicks_at_once_has_one_account_and_two_links(db: None) -> None:
    services.speaker_create(label="새 사람", name="new")
    clicks = [Speaker.objects.get(name="new") for _ in range(2)]  # both looked before either wrote
    links = [services.speaker_invite(speaker=speaker) for speaker in clicks]
    people = {services.sign_in_link_use(token=token) for token in links}
    assert people == {User.objects.get(username="speaker-new")}


@pytest.mark.parametrize(
    ("form", "page"),
    [
        ("/record/consent/withdraw", "/record/consent/"),
        ("/speakers/mina/invite", "/speakers/mina/"),
        ("/erasures/1/go-on", "/speakers/"),
        ("/dictionary/1/", "/dictionary/"),
        ("/dictionary/import", "/dictionary/"),
        ("/voices/base/rename/", "/voices/"),
        ("/voices/base/retire/", "/voices/"),
        ("/voices/base/restore/", "/voices/"),
        ("/voices/base/release/", "/voices/"),
        ("/voices/invite/", "/voices/"),
        ("/tokens/1/revoke/", "/tokens/"),
    ],
)
def test_who_was_signed_out_before_a_form_was_sent_comes_back_to_its_page(
    form: str, page: str, client: Client, speaker: Speaker
) -> None:
    User.objects.create_superuser("boss", password="correct horse battery staple")
    sign_in = client.post(form).headers["Location"]
    body = {"username": "boss", "password": "correct horse battery staple", "next": form}
    assert sign_in == f"/sign-in/?{urlencode({'next': form})}"
    assert client.post(sign_in, body).headers["Location"] == form
    assert client.get(form).headers["Location"] == page
    assert client.get(page).status_code == 200
