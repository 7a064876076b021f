"""What programs call: reading, speaking as a stream of sound, the list of voices."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST, require_safe

from speech.errors import SpeechError
from studio.dictionary import choices_checked
from studio.errors import Refused, api_errors, error_response, person_message
from studio.json_body import json_object, text_of
from synthesis import reading, selectors, services, streams
from synthesis.access import caller
from synthesis.models import Utterance, Voice
from synthesis.sound import Mark, stream_head, wav_of_pcm

ADDRESSES = (("GET", "api_speak"), ("GET", "api_voices"), ("POST", "api_read"), ("POST", "openai_speech"))


@csrf_exempt
@require_POST
@api_errors
def read(request: HttpRequest) -> HttpResponse:
    """How a text will be read: `{"text"}` → `{"sentences": [Reading …], "characters", "limit"}`.

    With `"voice"` by its dictionary too, with `"dictionary": {word: reading}` by these readings before all others.
    """
    caller(request)
    body = json_object(request)
    text = text_of(body.get("text"), "text")
    voice = _voice(text_of(body["voice"], "voice")) if body.get("voice") else None
    own = reading.dictionary_of(voice, text, choices_checked(body.get("dictionary")))
    sentences = reading.readings(text, own, voice) if text.strip() else []
    return _json({"sentences": sentences, "characters": len(text), "limit": settings.SPEAK_TEXT_LIMIT})


@csrf_exempt
@require_safe
@api_errors
def voices(request: HttpRequest) -> HttpResponse:
    """`{"voices": [{"name", "label", "acoustic", "vocoder", "published_at"}]}`, the newest first."""
    caller(request)
    return _json({"voices": [selectors.voice_data(voice) for voice in selectors.voices_in_use()]})


@csrf_exempt
@require_GET  # and no HEAD: it makes an utterance
@api_errors
async def speak(request: HttpRequest) -> HttpResponseBase:
    """`?text=…&voice=…[&seed=…][&stream=0]` → audio/wav, the first sentence as soon as it is made."""
    query = request.GET
    wants = {"text": query.get("text"), "voice": query.get("voice", ""), "seed": query.get("seed", "0")}
    utterance = await sync_to_async(_utterance)(request, wants, "text")
    return await _answer(utterance, "wav", whole=query.get("stream") == "0")


@csrf_exempt
@require_POST
async def openai_speech(request: HttpRequest) -> HttpResponseBase:
    """OpenAI's `POST /v1/audio/speech`: `{"model", "voice", "input", "response_format": "wav" | "pcm"}`.

    `model` is taken and ignored: the voice says which networks speak. Without a format it is WAV.
    """
    try:
        wants, sound_format = _openai_wants(json_object(request))
        utterance = await sync_to_async(_utterance)(request, wants, "input")
        return await _answer(utterance, sound_format, whole=False)
    except (Refused, SpeechError) as error:
        return program_error(error)


@csrf_exempt
def unknown(request: HttpRequest, rest: str) -> HttpResponse:
    """Any other address below `/api/` and `/v1/`: programs read no page that says 404, nor where else to ask."""
    addresses = ", ".join(f"{method} {reverse(f'synthesis:{name}')}" for method, name in ADDRESSES)
    message = _("이런 주소는 없어요. 있는 주소: %(addresses)s") % {"addresses": addresses}
    return program_error(Refused("no_such_address", message, 404, path=request.path))


def _utterance(request: HttpRequest, wants: dict[str, Any], text_name: str) -> Utterance:
    """`text_name`: what the caller knows the text by."""
    user = caller(request)
    voice = _voice(text_of(wants["voice"], "voice"))
    try:
        seed = int(wants["seed"])
    except (TypeError, ValueError):
        raise Refused("bad_seed", _("seed는 0부터 2147483647까지의 수여야 해요."), seed=wants["seed"]) from None
    return services.utterance_request(voice=voice, text=text_of(wants["text"], text_name), requested_by=user, seed=seed)


def _voice(name: str) -> Voice:
    voice = selectors.voice_named(name)
    if voice is not None:
        return voice
    if selectors.voice_is_withheld(name):
        raise services.withheld_refusal()
    names = [each.name for each in selectors.voices_in_use()]
    if not names:
        raise Refused("no_voice", _("아직 공개한 목소리가 없어요."), 404)
    words = {"name": name, "names": ", ".join(names)}
    message = _("이름이 ‘%(name)s’인 목소리가 없어요. 있는 목소리: %(names)s") % words
    raise Refused("no_such_voice", message, 404, name=name, names=names)


async def _answer(utterance: Utterance, sound_format: str, *, whole: bool) -> HttpResponseBase:
    """Waits for the first sentence, so that a failure before it is an error and no broken sound."""
    sound = streams.spoken(utterance)
    try:
        first, sample_rate = await anext(sound)
        mark = Mark(utterance.voice.label)
        whole = whole or utterance.sentence_count == 1
        rest = [pcm async for pcm, _rate in sound] if whole else []
    except StopAsyncIteration:
        raise Refused("nothing_spoken", _("말하기 전에 멈췄어요."), 409) from None
    except BaseException:
        await sound.aclose()  # at once, so that nobody goes on speaking to nobody
        raise
    content_type = "audio/wav" if sound_format == "wav" else f"audio/pcm;rate={sample_rate};channels=1;bits=16"
    response: HttpResponseBase
    if whole:
        pcm = b"".join([first, *rest])
        body = wav_of_pcm(pcm, sample_rate, mark) if sound_format == "wav" else pcm
        response = HttpResponse(body, content_type=content_type)
    else:
        head = stream_head(sample_rate, mark) if sound_format == "wav" else b""
        response = StreamingHttpResponse(_stream(head + first, sound), content_type=content_type)
    return _label(response, utterance, sample_rate, sound_format)


async def _stream(first: bytes, sound: AsyncGenerator[tuple[bytes, int], None]) -> AsyncIterator[bytes]:
    async with aclosing(sound):
        yield first
        async for pcm, _rate in sound:
            yield pcm


def _label(response: HttpResponseBase, utterance: Utterance, sample_rate: int, sound_format: str) -> HttpResponseBase:
    response["X-AI-Generated"] = "true"
    response["X-Utterance"] = str(utterance.pk)
    response["X-Voice"] = utterance.voice.name
    response["X-Sample-Rate"] = str(sample_rate)
    response["X-Sentences"] = str(utterance.sentence_count)
    response["Cache-Control"] = "no-store"
    if disposition := content_disposition_header(False, f"{utterance.voice.name}-AI.{sound_format}"):
        response["Content-Disposition"] = disposition
    return response


def _openai_wants(body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    def given(name: str, otherwise: Any) -> Any:
        return otherwise if body.get(name) is None else body[name]  # typed clients send null for nothing

    sound_format, speed = given("response_format", "wav"), given("speed", 1)
    if sound_format not in ("wav", "pcm"):
        raise Refused("bad_format", _("response_format은 wav나 pcm이어야 해요."), response_format=sound_format)
    if speed != 1:
        raise Refused("bad_speed", _("아직 speed의 값은 1이어야 해요."), speed=speed)
    voice = body.get("voice", "")
    if isinstance(voice, dict):  # the newer spelling, {"id": …}
        voice = voice.get("id")
    return {"text": body.get("input"), "voice": voice, "seed": given("seed", 0)}, sound_format


def program_error(error: Refused | SpeechError) -> HttpResponse:
    """Our own error, and beside it the one that OpenAI's clients look for."""
    response = error_response(error)
    kind = "server_error" if response.status_code >= 500 else "invalid_request_error"
    if response.status_code == 401:
        kind = "authentication_error"
    theirs = {"message": person_message(error), "type": kind, "param": None, "code": error.code}
    ours = json.loads(response.content)
    return _json({**ours, "error": theirs}, response.status_code)


def _json(answer: dict[str, Any], status: int = 200) -> HttpResponse:
    """JSON with Korean as it is written, for people who look at it on a terminal."""
    return JsonResponse(answer, status=status, json_dumps_params={"ensure_ascii": False})
