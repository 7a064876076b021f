"""The pages before the first take: the microphone, then the room."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from studio.access import sign_in_required
from studio.check_words import station_words

# Stops and hisses close to the microphone, open vowels, a rise at the end: what shows a bad place or level.
TEST_SENTENCE = "안녕하세요. 팔월에 찍은 푸른 바다 사진을 같이 보실래요?"


@require_GET
@ensure_csrf_cookie
@sign_in_required
def microphone(request: HttpRequest) -> HttpResponse:
    """Which microphone, how loud, untouched by the browser or not; what is recorded here is not sent anywhere."""
    context = {"words": station_words(), "step": "microphone", "sentence": TEST_SENTENCE}
    return render(request, "studio/check_microphone.html", context)
