"""The pages of the speaking room: whose they are, what they show, and that they work without a script."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from studio.models import Consent, Speaker
from synthesis import services, speaker
from synthesis.models import ApiToken, Utterance, Voice
from tests.synthesis.babble import store
from training.models import Checkpoint, TrainingRun

pytestmark = pytest.mark.usefixtures("redis_url")
SignIn = Callable[[User], Client]


def spoken(voice: Voice, user: User, text: str = "안녕하세요. 반가워요.") -> Utterance:
    utterance = services.utterance_request(voice=voice, text=text, requested_by=user)
    speaker.utterance_speak(utterance.pk)
    utterance.refresh_from_db()
    return utterance


def test_without_a_voice_the_page_says_what_to_do(signed_in: SignIn, listener: User, admin: User) -> None:
    page = signed_in(listener).get("/speak/").content.decode()
    assert "아직 들려줄 목소리가 없어요" in page
    assert "/train/" in signed_in(admin).get("/speak/").content.decode()


def test_what_was_spoken_stays_to_be_heard_when_no_voice_is_left(
    voice: Voice, signed_in: SignIn, listener: User
) -> None:
    utterance = spoken(voice, listener)
    services.voice_retire(voice=voice)
    client = signed_in(listener)
    for path in ("/speak/", f"/speak/{utterance.pk}/"):
        page = client.get(path).content.decode()
        assert "지금은 들려줄 목소리가 없어요" in page
        assert f'data-utterance="{utterance.pk}"' in page and f"/utterances/{utterance.pk}.wav" in page
        assert "js/speak/room" in page
    assert f"/utterances/{utterance.pk}/1.wav" in page


def test_the_page_is_for_people_who_are_signed_in(voice: Voice) -> None:
    response = Client().get("/speak/")
    assert response.status_code == 302
    assert "next=/speak/" in response["Location"].replace("%2F", "/")


def test_the_page_works_as_a_plain_form(voice: Voice, signed_in: SignIn, listener: User) -> None:
    client = signed_in(listener)
    response = client.post("/speak/", {"voice": "mina", "text": "안녕하세요."})
    utterance = Utterance.objects.get()
    assert response["Location"] == f"/speak/{utterance.pk}/"
    speaker.utterance_speak(utterance.pk)
    page = client.get(response["Location"]).content.decode()
    assert f"/utterances/{utterance.pk}/0.wav" in page
    assert f"/utterances/{utterance.pk}.wav" in page
    assert "인공지능이 만든 목소리예요" in page


def test_the_voice_offered_first_is_the_last_one_used_then_the_base_voice_then_the_newest(
    voice: Voice, acoustic: Checkpoint, signed_in: SignIn, listener: User, admin: User
) -> None:
    def offered(path: str = "/speak/", user: User = listener) -> str:
        page = signed_in(user).get(path).content.decode()
        return re.findall(r'<option value="([^"]*)"[^>]* selected>', page)[0]

    base = Voice.objects.create(name="base", label="기본 목소리", acoustic=acoustic)
    newest = Voice.objects.create(name="test", label="시험", acoustic=acoustic)
    assert offered() == "base"
    assert offered("/speak/?voice=mina") == "mina"
    assert offered("/speak/?voice=gone") == "base"
    said = Utterance.objects.create(voice=voice, text="글", requested_by=listener, state="done")
    assert offered() == "mina"
    assert offered(user=admin) == "base"
    services.voice_retire(voice=voice)
    assert offered(f"/speak/{said.pk}/") == "base"
    Voice.objects.filter(pk=base.pk).update(error={"code": "missing"})
    assert offered() == newest.name


def test_a_refused_form_keeps_the_text(voice: Voice, signed_in: SignIn, listener: User) -> None:
    response = signed_in(listener).post("/speak/", {"voice": "mina", "text": "😀"})
    assert response.status_code == 400
    assert "😀" in response.content.decode()


def test_the_download_is_a_whole_wav_under_a_name_that_says_ai(voice: Voice, signed_in: SignIn, listener: User) -> None:
    utterance = spoken(voice, listener)
    response = signed_in(listener).get(f"/utterances/{utterance.pk}.wav")
    samples, rate = soundfile.read(io.BytesIO(response.content))
    assert rate == 22_050
    assert len(samples) / rate == pytest.approx(utterance.seconds, abs=0.01)
    assert "attachment" in response["Content-Disposition"]
    assert "mina-AI-" in response["Content-Disposition"]
    assert response["X-AI-Generated"] == "true"
    part = signed_in(listener).get(f"/utterances/{utterance.pk}.wav", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")


def test_what_others_had_spoken_is_nobodys_business(
    voice: Voice, signed_in: SignIn, listener: User, admin: User
) -> None:
    utterance = spoken(voice, listener)
    other = signed_in(admin)
    for path in (
        f"/utterances/{utterance.pk}/",
        f"/utterances/{utterance.pk}.wav",
        f"/utterances/{utterance.pk}/0.wav",
    ):
        assert other.get(path).status_code == 404
    for path in ("stop", "delete"):
        assert other.post(f"/utterances/{utterance.pk}/{path}").status_code == 404
    assert other.get(f"/speak/{utterance.pk}/").status_code == 404
    assert str(utterance.pk) not in other.get("/speak/").content.decode()
    assert Utterance.objects.exists()


def test_the_history_is_shown_page_by_page_and_can_be_deleted(voice: Voice, signed_in: SignIn, listener: User) -> None:
    for number in range(22):
        Utterance.objects.create(voice=voice, text=f"{number}번 글", requested_by=listener, state="done")
    client = signed_in(listener)
    first = client.get("/speak/history/").content.decode()
    assert first.count("data-utterance=") == 20
    assert client.get("/speak/history/?page=2").content.decode().count("data-utterance=") == 2
    one = Utterance.objects.first()
    assert client.post(f"/utterances/{one.pk}/delete").json() == {"deleted": str(one.pk)}
    assert Utterance.objects.count() == 21


def test_who_was_signed_out_meanwhile_is_led_to_the_sign_in_and_a_script_is_told(voice: Voice, listener: User) -> None:
    said = Utterance.objects.create(voice=voice, text="글", requested_by=listener, state="done")
    path = f"/utterances/{said.pk}/delete"
    answer = Client(headers={"Accept": "text/html,*/*"}).post(path)
    assert answer.headers["Location"] == f"/sign-in/?next={path.replace('/', '%2F')}"
    assert Client(headers={"Accept": "application/json"}).post(path).json()["code"] == "sign_in"
    assert Utterance.objects.exists()


def test_without_a_script_a_text_is_deleted_after_a_question(
    voice: Voice, signed_in: SignIn, listener: User, admin: User
) -> None:
    said = Utterance.objects.create(voice=voice, text="지울 글이에요.", requested_by=listener, state="done")
    path = f"/utterances/{said.pk}/delete"
    browser = signed_in(listener)
    listed = browser.get("/speak/").content.decode()
    assert f'<form action="{path}" data-delete>' in listed  # by GET, which asks
    question = browser.get(path, headers={"Accept": "text/html"}).content.decode()
    assert "지울 글이에요." in question and "되돌릴 수 없어요" in question and '<form method="post"' in question
    assert Utterance.objects.exists()
    assert signed_in(admin).get(path).status_code == 404
    answer = browser.post(path, headers={"Accept": "text/html"}, follow=True)
    assert answer.redirect_chain == [("/speak/", 302)]
    assert "지웠어요" in answer.content.decode()
    assert not Utterance.objects.exists()


def test_a_script_asks_and_gets_the_state(voice: Voice, signed_in: SignIn, listener: User) -> None:
    client = signed_in(listener)
    body = {"text": "안녕하세요. 반가워요.", "voice": "mina", "seed": 5}
    state = client.post("/utterances/", body, content_type="application/json").json()
    assert (state["state"], state["seed"], state["last_seq"]) == ("queued", 5, 0)
    speaker.utterance_speak(state["id"])
    state = client.get(state["urls"]["self"]).json()
    assert (state["state"], len(state["sentences"]), state["last_seq"]) == ("done", 2, 4)
    assert client.get(state["sentences"][1]["url"]).content[:4] == b"RIFF"
    assert client.get(f"/utterances/{state['id']}/7.wav").status_code == 404


def test_the_error_of_a_failed_text_is_told_in_korean(voice: Voice, signed_in: SignIn, listener: User) -> None:
    error = {"code": "out_of_memory", "message": "Too little memory.", "params": {}}
    utterance = Utterance.objects.create(voice=voice, text="글", requested_by=listener, state="failed", error=error)
    state = signed_in(listener).get(f"/utterances/{utterance.pk}/").json()
    assert "메모리" in state["error"]["message"]


def test_only_admins_publish(voice: Voice, signed_in: SignIn, listener: User) -> None:
    client = signed_in(listener)
    assert client.get("/voices/").status_code == 403
    assert client.post("/voices/mina/retire/").status_code == 403
    voice.refresh_from_db()
    assert voice.retired_at is None


def test_a_checkpoint_is_published_from_its_link(acoustic: Checkpoint, signed_in: SignIn, admin: User) -> None:
    client = signed_in(admin)
    form = client.get(f"/voices/publish/{acoustic.pk}/").content.decode()
    assert f'value="{acoustic.pk}" selected' in form
    values = {"acoustic": acoustic.pk, "vocoder": "auto", "name": "sora", "label": "소라"}
    assert client.post("/voices/publish/", values)["Location"] == "/voices/"
    voice = Voice.objects.get(name="sora")
    assert voice.published_by == admin
    assert "소라" in client.get("/voices/").content.decode()


def test_a_published_voice_is_renewed(voice: Voice, acoustic: Checkpoint, signed_in: SignIn, admin: User) -> None:
    newer = Checkpoint.objects.create(
        kind="acoustic", model="tacotron2", step=900, file=acoustic.file, sha256=acoustic.sha256, size=1, name="newer"
    )
    values = {"acoustic": newer.pk, "vocoder": "none", "replaces": voice.pk}
    assert signed_in(admin).post("/voices/publish/", values).status_code == 302
    voice.refresh_from_db()
    assert voice.acoustic == newer
    assert Voice.objects.count() == 1


def test_replacing_a_voice_is_said_before_and_after(
    speaker: Speaker, acoustic_file: Path, signed_in: SignIn, admin: User
) -> None:
    run = TrainingRun.objects.create(speaker=speaker, state="finished", queued_at=timezone.now())
    first, second = (store(acoustic_file, run=run, step=step) for step in (5, 1200))
    services.voice_publish(acoustic=first, name="mina", label="미나")
    client = signed_in(admin)
    page = client.get(f"/voices/publish/{second.pk}/").content.decode()
    assert "selected>‘미나 5걸음’을 이 소리로 바꾸기</option>" in page
    assert "곧바로 이 소리를 들어요" in page
    values = {"acoustic": second.pk, "vocoder": "none", "replaces": Voice.objects.get().pk}
    answer = client.post("/voices/publish/", values, follow=True).content.decode()
    assert "‘미나’ 목소리를 새 소리로 바꾸었어요." in answer


def test_vocoders_of_the_own_speaker_are_offered_first_and_none_of_a_voice_that_does_not_agree(
    speaker: Speaker, acoustic_file: Path, vocoder_file: Path, signed_in: SignIn, admin: User
) -> None:
    others = [Speaker.objects.create(name=name, label=name) for name in ("agreed", "withdrawn")]
    Consent.objects.create(speaker=others[0], text="동의합니다.", text_version="1", text_sha256="0" * 64)
    runs = [
        TrainingRun.objects.create(speaker=one, state="finished", queued_at=timezone.now())
        for one in (speaker, *others)
    ]
    own, agreed, _withdrawn = (store(vocoder_file, run=run, kind="vocoder", model="griffin_lim") for run in runs)
    nobodys = store(vocoder_file, kind="vocoder", model="griffin_lim")
    acoustic = store(acoustic_file, run=runs[0])
    page = signed_in(admin).get(f"/voices/publish/{acoustic.pk}/").content.decode()
    offered = re.findall(r'<option value="([^"]+)"', page[page.index('name="vocoder"') :].split("</select>")[0])
    assert offered == ["auto", *(str(one.pk) for one in (own, nobodys, agreed)), "none"]


@pytest.mark.parametrize(
    "values", [{"name": "mina", "label": "또 미나"}, {"name": "미나", "label": "미나"}, {"name": "", "label": ""}]
)
def test_a_form_that_cannot_be_published_says_why(
    voice: Voice, acoustic: Checkpoint, signed_in: SignIn, admin: User, values: dict
) -> None:
    response = signed_in(admin).post("/voices/publish/", {"acoustic": acoustic.pk, **values})
    assert response.status_code == 400
    assert "error" in response.content.decode()
    assert Voice.objects.count() == 1


def test_a_voice_is_renamed_retired_and_restored(voice: Voice, signed_in: SignIn, admin: User) -> None:
    client = signed_in(admin)
    client.post("/voices/mina/rename/", {"label": "고운 미나"})
    client.post("/voices/mina/retire/")
    voice.refresh_from_db()
    assert voice.label == "고운 미나"
    assert voice.retired_at is not None
    client.post("/voices/mina/restore/")
    voice.refresh_from_db()
    assert voice.retired_at is None


def test_the_steps_of_a_voice_are_written_as_on_other_pages(voice: Voice, signed_in: SignIn, admin: User) -> None:
    Checkpoint.objects.update(step=12_068)
    assert "12,068걸음" in signed_in(admin).get("/voices/").content.decode()


def test_a_listener_is_invited_by_a_link_that_is_shown_once(signed_in: SignIn, admin: User) -> None:
    client = signed_in(admin)
    page = client.post("/voices/invite/", {"label": "지호"}).content.decode()
    assert "/enter/" in page
    assert "지호" in page
    assert "/enter/" not in client.get("/voices/").content.decode()


def test_a_buttons_address_leads_to_its_page_when_it_is_only_looked_at(
    voice: Voice, signed_in: SignIn, admin: User
) -> None:
    client = signed_in(admin)
    client.post("/tokens/", {"label": "집"})
    token = ApiToken.objects.get()
    buttons = [f"/voices/mina/{button}/" for button in ("rename", "retire", "restore", "release")]
    for address in (*buttons, "/voices/invite/"):
        assert client.get(address).headers["Location"] == "/voices/"
        assert client.put(address).status_code == 405
    assert client.get(f"/tokens/{token.pk}/revoke/").headers["Location"] == "/tokens/"
    said = Utterance.objects.create(voice=voice, text="글", requested_by=admin, state="done")
    assert client.get(f"/utterances/{said.pk}/delete").status_code == 200
    voice.refresh_from_db()
    token.refresh_from_db()
    assert voice.retired_at is None and token.revoked_at is None and Utterance.objects.exists()


def test_keys_are_made_and_revoked_on_their_page(signed_in: SignIn, listener: User, admin: User) -> None:
    client = signed_in(listener)
    page = client.post("/tokens/", {"label": "집"}).content.decode()
    token = ApiToken.objects.get()
    assert "moksori-" in page
    assert "moksori-" not in client.get("/tokens/").content.decode().replace("moksori-</", "")
    assert signed_in(admin).post(f"/tokens/{token.pk}/revoke/").status_code == 404
    client.post(f"/tokens/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_the_first_page_tells_of_the_voices(voice: Voice, signed_in: SignIn, listener: User) -> None:
    assert "미나" in signed_in(listener).get("/").content.decode()


def test_the_command_writes_the_same_sound_as_the_page(voice: Voice, listener: User, tmp_path: Path) -> None:
    utterance = spoken(voice, listener)
    output = tmp_path / "hello.wav"
    call_command("speak", utterance.text, "--voice", "mina", "-o", str(output), stdout=io.StringIO())
    page = Client()
    page.force_login(listener)
    stored = page.get(f"/utterances/{utterance.pk}.wav").content
    assert (
        soundfile.read(output, dtype="int16")[0].tobytes()
        == soundfile.read(io.BytesIO(stored), dtype="int16")[0].tobytes()
    )


def test_the_command_names_the_voices_there_are(voice: Voice, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="mina"):
        call_command("speak", "안녕", "--voice", "nobody", "-o", str(tmp_path / "x.wav"))


@pytest.mark.parametrize(
    ("text", "seed", "words"), [("안녕", "-1", "seed"), ("안녕", "9" * 20, "seed"), ("😀", "0", "읽을 글자가 없어요")]
)
def test_the_command_says_in_korean_what_it_cannot_speak(
    voice: Voice, tmp_path: Path, text: str, seed: str, words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("speak", text, "--voice", "mina", "-o", str(tmp_path / "a.wav"), f"--seed={seed}")


def test_the_command_refuses_a_folder_that_is_not_there(voice: Voice, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nowhere"):
        call_command("speak", "안녕하세요.", "-o", str(tmp_path / "nowhere" / "x.wav"), stdout=io.StringIO())
