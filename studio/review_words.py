"""What the page of takes says by its program, in the person's language: it goes into the page as JSON."""

from __future__ import annotations

from django.utils.translation import gettext as _


def review_words() -> dict[str, str]:
    return {
        "accepted": _("받았어요: {text}"),
        "returned": _("돌려보냈어요: {text}"),
        "cleared": _("결정을 되돌렸어요: {text}"),
        "unplayable": _("이 소리를 들을 수 없어요. 파일이 저장소에 있는지 봐 주세요."),
        "end": _("이 쪽의 마지막 녹음이에요."),
        "unreachable": _("서버에 닿지 않아요. 잠시 뒤에 다시 해 주세요."),
    }


def return_reasons() -> list[str]:
    """Reasons to press instead of typing: what most often is the matter."""
    return [
        _("잡음이 들려요"),
        _("글과 다르게 읽었어요"),
        _("앞이나 뒤가 잘렸어요"),
        _("너무 빨라요"),
        _("소리가 멀어요"),
        _("평소 목소리와 달라요"),
    ]
