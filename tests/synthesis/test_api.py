"""What programs call, over real HTTP messages: reading, streams of sound, errors."""

from __future__ import annotations

import asyncio
import io
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest
import soundfile
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections
from django.test import AsyncClient, Client
from django.urls import reverse

from speech.errors import BadAudio
from synthesis import api, services, speaker
from synthesis.models import Utterance, UtteranceSentence, Voice

pytestmark = pytest.mark.usefixtures("redis_url")
T = TypeVar("T")
LONG = "첫 문장이에요. 둘째 문장이에요. 셋째 문장이에요."


@pytest.fixture
def key(listener: User) -> str:
    return services.api_token_create(user=listener, label="시험")[1]


@pytest.fixture
def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def speak_next() -> None:
    """What a worker does: takes the next text and speaks it. In a thread, since the request holds Django's own."""
    try:
        for _ in range(500):
            utterance = Utterance.objects.filter(state=Utterance.State.QUEUED).first()
            if utterance is not None:
                speaker.utterance_speak(utterance.pk)
                return
            time.sleep(0.02)
        raise AssertionError("nothing was asked for")
    finally:
        connections.close_all()


def beside(work: Callable[[], T]) -> asyncio.Future[T]:
    """Run it in a thread of its own, beside the requests."""
    return asyncio.get_running_loop().run_in_executor(None, work)


def state_of_the_only_one() -> str:
    try:
        return Utterance.objects.values_list("state", flat=True).first() or ""
    finally:
        connections.close_all()


def delete_all() -> None:
    try:
        Utterance.objects.all().delete()
    finally:
        connections.close_all()


async def body_of(response) -> bytes:
    if not response.streaming:
        return response.content
    return b"".join([part async for part in response.streaming_content])


async def get(path: str, worker: bool = True, **more):
    working = beside(speak_next) if worker else None
    response = await AsyncClient().get(path, **more)
    body = await body_of(response)
    if working:
        await working
    return response, body


async def test_a_text_comes_back_as_sound(voice: Voice, bearer: dict[str, str]) -> None:
    response, body = await get("/api/speak?text=안녕하세요.&voice=mina", headers=bearer)
    assert response.status_code == 200
    assert response["Content-Type"] == "audio/wav"
    assert response["X-AI-Generated"] == "true"
    samples, rate = soundfile.read(io.BytesIO(body))
    assert rate == 22_050
    assert abs(samples).max() > 0.01


async def test_several_sentences_are_streamed_and_are_the_same_sound_as_the_file(
    voice: Voice, bearer: dict[str, str], listener: User
) -> None:
    response, body = await get(f"/api/speak?text={LONG}&voice=mina&seed=3", headers=bearer)
    assert response.streaming
    streamed, _rate = soundfile.read(io.BytesIO(body), dtype="int16")
    utterance = await Utterance.objects.aget(pk=response["X-Utterance"])
    client = AsyncClient()
    await client.aforce_login(listener)
    whole = await client.get(f"/utterances/{utterance.pk}.wav")
    stored, _rate = soundfile.read(io.BytesIO(await body_of(whole)), dtype="int16")
    assert streamed.tobytes() == stored.tobytes()
    assert response["X-Sentences"] == "3"


async def test_the_first_sentence_arrives_before_the_last_is_made(voice: Voice, bearer: dict[str, str]) -> None:
    working = beside(speak_next)
    response = await AsyncClient().get(f"/api/speak?text={LONG}&voice=mina", headers=bearer)
    parts: AsyncIterator[bytes] = aiter(response.streaming_content)
    assert (await anext(parts))[:4] == b"RIFF"
    rest = [part async for part in parts]
    await working
    assert len(rest) == 2


async def test_without_stream_the_whole_file_says_its_length(voice: Voice, bearer: dict[str, str]) -> None:
    response, body = await get(f"/api/speak?text={LONG}&voice=mina&stream=0", headers=bearer)
    assert not response.streaming
    assert int.from_bytes(body[4:8], "little") == len(body) - 8


async def test_who_stops_listening_stops_the_speaking(voice: Voice, bearer: dict[str, str]) -> None:
    asking = asyncio.create_task(AsyncClient().get(f"/api/speak?text={LONG}&voice=mina", headers=bearer))
    while not await beside(state_of_the_only_one):
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    for _ in range(250):
        if await beside(state_of_the_only_one) == Utterance.State.STOPPED:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(await beside(state_of_the_only_one))


async def test_a_text_that_is_deleted_before_its_first_sound_is_told_as_gone(
    voice: Voice, bearer: dict[str, str]
) -> None:
    asking = asyncio.create_task(get(f"/api/speak?text={LONG}&voice=mina", worker=False, headers=bearer))
    while not await beside(state_of_the_only_one):
        await asyncio.sleep(0.02)
    await beside(delete_all)
    response, body = await asking
    assert (response.status_code, json.loads(body)["code"]) == (410, "deleted")


async def test_a_sentence_that_the_storage_lost_is_an_error_with_words(voice: Voice, bearer: dict[str, str]) -> None:
    from studio import files

    working = beside(speak_next)
    response = await AsyncClient().get(f"/api/speak?text={LONG}&voice=mina", headers=bearer)
    await working
    second = await UtteranceSentence.objects.aget(index=1)
    await sync_to_async(files.delete_file)(second.file)
    with pytest.raises(BadAudio) as error:
        await body_of(response)
    assert error.value.code == "damaged_sound"


async def test_a_failure_before_the_first_sound_is_an_error_and_no_sound(voice: Voice, bearer: dict[str, str]) -> None:
    from studio import files

    await sync_to_async(files.delete_file)(voice.acoustic.file)
    response, body = await get("/api/speak?text=안녕하세요.&voice=mina", headers=bearer)
    assert response.status_code == 400
    assert json.loads(body)["code"] == "missing"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("voice=mina", 400, "missing"),
        ("text=&voice=mina", 400, "empty_text"),
        ("text=안녕&voice=nobody", 404, "no_such_voice"),
        ("text=안녕&voice=mina&seed=x", 400, "bad_seed"),
        ("text=안녕&voice=mina&seed=-1", 400, "bad_seed"),
        ("text=😀&voice=mina", 400, "nothing_to_read"),
    ],
)
async def test_what_cannot_be_spoken_is_refused_with_a_code(
    voice: Voice, bearer: dict[str, str], query: str, status: int, code: str
) -> None:
    response, body = await get(f"/api/speak?{query}", worker=False, headers=bearer)
    answer = json.loads(body)
    assert (response.status_code, answer["code"]) == (status, code)
    assert answer["message"]
    assert not await Utterance.objects.aexists()


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
async def test_nobody_speaks_without_a_key_or_a_session(voice: Voice, headers: dict[str, str]) -> None:
    response, body = await get("/api/speak?text=안녕&voice=mina", worker=False, headers=headers)
    assert response.status_code == 401
    assert json.loads(body)["code"] in {"sign_in", "bad_key"}


@pytest.mark.parametrize(
    ("site", "code"),
    [("cross-site", "other_site"), ("same-site", "other_site"), ("same-origin", "no_voice"), ("none", "no_voice")],
)
async def test_a_link_on_another_site_does_not_speak_in_ones_name(listener: User, site: str, code: str) -> None:
    browser = AsyncClient()
    await browser.aforce_login(listener, backend="django.contrib.auth.backends.ModelBackend")
    response = await browser.get("/api/speak?text=안녕하세요.&voice=mina", headers={"Sec-Fetch-Site": site})
    assert json.loads(await body_of(response))["code"] == code


async def test_a_key_is_taken_from_any_site(bearer: dict[str, str]) -> None:
    headers = {**bearer, "Sec-Fetch-Site": "cross-site"}
    _, body = await get("/api/speak?text=안녕하세요.&voice=mina", worker=False, headers=headers)
    assert json.loads(body)["code"] == "no_voice"


@pytest.mark.parametrize(("language", "word"), [("ko", "열쇠가 없어요"), ("en", "No key was sent")])
async def test_a_program_without_a_key_is_told_of_the_key(language: str, word: str) -> None:
    _, body = await get("/api/voices", worker=False, headers={"Accept-Language": language})
    assert word in json.loads(body)["message"]
    assert "http://testserver/tokens/" in json.loads(body)["message"]


async def test_a_page_of_ours_without_a_session_is_led_to_the_sign_in(listener: User) -> None:
    _, body = await get("/api/voices", worker=False, headers={"X-Person": str(listener.pk)})
    assert json.loads(body)["message"] == "먼저 로그인해 주세요."


@pytest.mark.parametrize("path", ["/api/speek", "/api/voices/", "/api/v2/x/y", "/v1/models"])
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(("language", "word"), [("ko", "이런 주소는 없어요"), ("en", "There is no such address")])
def test_an_address_that_is_not_there_is_told_in_json(path: str, method: str, language: str, word: str) -> None:
    response = getattr(Client(enforce_csrf_checks=True), method)(path, headers={"Accept-Language": language})
    answer = response.json()
    assert (response.status_code, answer["code"], answer["params"]) == (404, "no_such_address", {"path": path})
    assert word in answer["message"] and "POST /v1/audio/speech" in answer["message"]
    assert answer["error"]["message"] == answer["message"]


def test_the_docs_tell_of_every_address_and_of_the_limits() -> None:
    docs = (settings.BASE_DIR / "docs" / "api.md").read_text()
    told = set(re.findall(r"^\| `((?:GET|POST) /\S+)`", docs, re.MULTILINE))
    assert told == {f"{method} {reverse(f'synthesis:{name}')}" for method, name in api.ADDRESSES}
    assert f"at most {settings.SPEAK_TEXT_LIMIT:,} characters" in docs
    assert f"`too_many_waiting`: {services.UNFINISHED_LIMIT} texts" in docs


async def openai(bearer: dict[str, str], worker: bool = True, **body):
    working = beside(speak_next) if worker else None
    response = await AsyncClient().post(
        "/v1/audio/speech", data=json.dumps(body), content_type="application/json", headers=bearer
    )
    sound = await body_of(response)
    if working:
        await working
    return response, sound


async def test_openais_shape_gives_wav(voice: Voice, bearer: dict[str, str]) -> None:
    response, sound = await openai(bearer, model="tts-1", voice="mina", input="안녕하세요.")
    assert response["Content-Type"] == "audio/wav"
    assert soundfile.read(io.BytesIO(sound))[1] == 22_050


async def test_openais_shape_gives_pcm(voice: Voice, bearer: dict[str, str]) -> None:
    response, sound = await openai(bearer, model="x", voice="mina", input=LONG, response_format="pcm")
    assert response["Content-Type"].startswith("audio/pcm")
    assert response["X-Sample-Rate"] == "22050"
    assert len(sound) % 2 == 0
    assert sound[:4] != b"RIFF"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"response_format": "mp3"}, "bad_format"),
        ({"response_format": ["wav"]}, "bad_format"),
        ({"seed": float("inf")}, "bad_json"),
        ({"speed": 2}, "bad_speed"),
        ({"input": 3}, "missing"),
        ({"voice": None}, "missing"),
    ],
)
async def test_what_openais_clients_may_ask_in_vain_is_told_in_their_shape(
    voice: Voice, bearer: dict[str, str], more: dict, code: str
) -> None:
    response, body = await openai(bearer, worker=False, **{"model": "x", "voice": "mina", "input": "안녕", **more})
    answer = json.loads(body)
    assert response.status_code == 400
    assert answer["code"] == answer["error"]["code"] == code
    assert answer["error"]["message"] == answer["message"]


async def test_what_openais_clients_leave_null_is_as_if_they_left_it_out(voice: Voice, bearer: dict[str, str]) -> None:
    left = {"response_format": None, "speed": None, "seed": None}
    response, _ = await openai(bearer, voice="mina", input="안녕하세요.", **left)
    assert (response.status_code, response["Content-Type"]) == (200, "audio/wav")


async def test_a_missing_text_is_told_by_the_name_that_the_caller_knows(voice: Voice, bearer: dict[str, str]) -> None:
    _, body = await openai(bearer, worker=False, voice="mina")
    assert json.loads(body)["params"] == {"name": "input"}


async def test_a_text_with_half_a_character_is_spoken_without_it(voice: Voice, bearer: dict[str, str]) -> None:
    response, _ = await openai(bearer, voice="mina", input="안녕\ud83d하세요.\0")
    assert response.status_code == 200
    assert (await Utterance.objects.aget()).text == "안녕\ufffd하세요.\ufffd"


def test_a_reading_says_how_each_sentence_is_read(signed_in: Callable[[User], Client], listener: User) -> None:
    response = signed_in(listener).post(
        "/api/read", {"text": "문이 3개 있어요. 좋죠?"}, content_type="application/json"
    )
    answer = response.json()
    assert [sentence["text"] for sentence in answer["sentences"]] == ["문이 3개 있어요.", "좋죠?"]
    assert "세 개" in answer["sentences"][0]["reading"]
    assert answer["characters"] == 14
    assert "".join(span["surface"] for span in answer["sentences"][0]["spans"]) == "문이 3개 있어요."


def test_a_reading_of_nothing_is_nothing(signed_in: Callable[[User], Client], listener: User) -> None:
    response = signed_in(listener).post("/api/read", {"text": "  "}, content_type="application/json")
    assert response.json()["sentences"] == []


@pytest.mark.parametrize("body", ["", "[]", "{", '{"text": 3}'])
def test_a_body_that_is_no_request_is_refused(signed_in: Callable[[User], Client], listener: User, body: str) -> None:
    response = signed_in(listener).post("/api/read", body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["code"] in {"bad_json", "missing"}


def test_a_session_needs_the_csrf_token_and_a_key_does_not(listener: User, key: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(listener)
    body = {"text": "안녕"}
    refused = client.post("/api/read", body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    with_key = Client(enforce_csrf_checks=True).post(
        "/api/read", body, content_type="application/json", headers={"Authorization": f"Bearer {key}"}
    )
    assert with_key.status_code == 200
    token = client.get("/tokens/").cookies["moksori_csrf"].value
    allowed = client.post("/api/read", body, content_type="application/json", headers={"X-CSRFToken": token})
    assert allowed.status_code == 200


def test_the_voices_that_can_be_chosen_are_listed(
    voice: Voice, signed_in: Callable[[User], Client], listener: User
) -> None:
    answer = signed_in(listener).get("/api/voices").json()
    assert [(each["name"], each["vocoder"]) for each in answer["voices"]] == [("mina", "griffin_lim")]


def test_an_unknown_utterance_is_not_found(signed_in: Callable[[User], Client], listener: User) -> None:
    response = signed_in(listener).get(f"/utterances/{uuid.uuid4()}/")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
