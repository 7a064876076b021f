"""The pages before the first take: the microphone, then the room."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from studio import room_tones
from studio.access import SpeakerRequest, sign_in_required, speaker_required
from studio.api import checked, sitting_of
from studio.check_words import station_words
from studio.errors import api_errors
from studio.forms import SoundForm

# Stops and hisses close to the microphone, open vowels, a rise at the end: what shows a bad place or level.
TEST_SENTENCE = "안녕하세요. 팔월에 찍은 푸른 바다 사진을 같이 보실래요?"


@never_cache
@require_safe
@ensure_csrf_cookie
@sign_in_required
def microphone(request: HttpRequest) -> HttpResponse:
    """Which microphone, how loud, untouched by the browser or not; what is recorded here is not sent anywhere."""
    context = {"words": station_words(), "step": "microphone", "sentence": TEST_SENTENCE}
    return render(request, "studio/check_microphone.html", context)


@never_cache
@require_safe
@ensure_csrf_cookie
@speaker_required
def room(request: SpeakerRequest) -> HttpResponse:
    """Five seconds of silence. What was measured last is shown until it is measured anew."""
    last = request.speaker.room_tones.first()
    context = {"words": station_words(), "step": "room", "tone": room_tones.tone_json(last) if last else None}
    return render(request, "studio/check_room.html", context)


@require_POST
@api_errors
@speaker_required
def room_tone_create(request: SpeakerRequest) -> JsonResponse:
    """The sound of the room: multipart with `audio`. The answer has the figures and the causes in words."""
    form = checked(SoundForm(request.POST))
    audio = request.FILES.get("audio")
    tone, created = room_tones.room_tone_create(
        speaker=request.speaker, tone_id=form["id"], data=audio.read() if audio else b"", sha256=form["sha256"],
        sitting=sitting_of(form, request),
    )  # fmt: skip
    return JsonResponse(room_tones.tone_json(tone), status=201 if created else 200)
