"""The words of the speaking room for the errors of `speech`: looked up by code, in the person's language."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# By the codes of `speech.text.learned.differences`.
READING_WORDS: dict[str, str | Promise] = {
    "other_front_end": _("지금과 다른 방법으로 글을 읽고 배운 목소리라서, 몇몇 낱말은 서툴게 들릴 수 있어요."),
    "other_mode": _("소리 나는 대로가 아니라 글자 그대로 읽고 배운 목소리예요."),
    "other_dictionary": _("이 목소리가 배운 뒤로 사전이 바뀌었어요. 바뀐 낱말은 서툴게 들릴 수 있어요."),
}

ERROR_WORDS: dict[str, str | Promise] = {
    "nothing_to_read": _("소리 내어 읽을 글자가 없어요. 한글로 적어 주세요."),
    "unknown_symbol": _("이 목소리가 배우지 않은 소리가 있어요: %(symbols)s"),
    "text_too_long": _("글이 너무 길어요. %(limit)s자까지 읽을 수 있어요."),
    "worker_died": _("이 글을 말하다가 프로그램이 꺼졌어요. 글을 짧게 나누거나 다른 목소리로 해 주세요."),
    "voice_withheld": _("이 목소리의 주인이 동의를 거두어서 지금은 말할 수 없어요. 다른 목소리를 골라 주세요."),
    "internal": _("말하다가 문제가 생겼어요. 관리자에게 알려 주세요."),
    "other_audio": _("음향 모델과 보코더가 서로 맞지 않아요. 다른 보코더로 공개해 주세요."),
    "wrong_kind": _("체크포인트의 종류가 달라요. 다시 골라 공개해 주세요."),
    "damaged_sound": _("저장된 소리가 상했어요. 다시 말하게 해 주세요."),
}

# Of a voice that cannot be loaded, for who wanted to hear it: choosing another checkpoint is the admin's.
_BROKEN = _("이 목소리의 파일에 문제가 있어요. 다른 목소리를 고르고, 관리자에게 알려 주세요.")
LISTENER_WORDS: dict[str, str | Promise] = dict.fromkeys(
    ("damaged", "missing", "misfit", "wrong_kind", "other_audio"), _BROKEN
)
