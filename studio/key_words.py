"""What the recording page says about its keys: static/js/record/key-dialog.js."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _


def key_words() -> dict[str, Any]:
    """`names`: what each key does. `labels`: keys that have a name. The rest: what the dialog answers."""
    return {
        "names": {
            "record": _("녹음하고 멈추기"),
            "keep": _("좋아요, 다음"),
            "listen": _("듣기"),
            "again": _("다시"),
            "back": _("이전"),
            "next": _("다음"),
            "list": _("문장 목록"),
            "skip": _("건너뛰기"),
            "undo": _("되돌리기"),
            "hands-free": _("손 놓고 읽기"),
        },
        "labels": {"Space": _("스페이스")},
        "change": _("‘{action}’ 키 바꾸기"),
        "waiting": _("‘{action}’에 쓸 키를 누르세요. 그만두려면 Esc를 누르세요."),
        "changed": _("‘{action}’ 키를 바꿨어요: {key}"),
        "conflict": _("{key} 키는 이미 ‘{action}’에 쓰고 있어요."),
        "reserved": _("{key} 키는 브라우저가 쓰는 키라서 고를 수 없어요."),
        "restored": _("처음 키로 되돌렸어요."),
    }
