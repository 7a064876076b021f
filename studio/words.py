"""The words of the recording room: error codes of `speech` and reasons of a verdict, for people.

Korean is the source language; gettext has the others. `%(name)s` takes the error's params.
"""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from studio.match_words import MATCH_WORDS, match_reason_words

Words = str | Promise

ERROR_WORDS: dict[str, Words] = {
    # speech.wav
    "empty_file": _("소리가 비어 있어요. 문장을 다시 녹음해 주세요."),
    "not_wav": _("WAV 파일이 아니에요. 16비트 모노 WAV로 보내 주세요."),
    "not_pcm16": _("16비트 PCM WAV만 받을 수 있어요."),
    "not_mono": _("모노(한 채널) 소리만 받을 수 있어요."),
    "bad_rate": _("샘플레이트 %(rate)s Hz는 받을 수 없어요. 44100이나 48000 Hz로 녹음해 주세요."),
    "cut_off": _("소리 파일이 끝까지 있지 않아요. 원본에서 다시 복사해 주세요."),
    "truncated": _("파일이 중간에 끊겼어요. 다시 보내 주세요."),
    "too_short": _("녹음이 너무 짧아요(%(seconds).2f초). 적어도 %(limit).1f초는 되어야 해요."),
    "too_long": _("녹음이 너무 길어요(%(seconds).2f초). %(limit).0f초까지 받을 수 있어요."),
    "too_many_chunks": _("WAV 파일의 구조가 너무 복잡해요. 평범한 WAV로 다시 저장해 주세요."),
    "not_finite": _("소리 파일에 잘못된 값이 들어 있어요."),
    "undecodable": _("이 소리 파일은 열 수 없어요."),
    "unreadable": _("이 소리 파일은 열 수 없어요."),
    "not_found": _("소리 파일이 없어요: %(name)s"),
    "bad_audio": _("읽을 수 없는 소리 파일이에요."),
    # speech.text
    "bad_text": _("이 글은 소리 내어 읽을 수 없어요."),
    "empty_text": _("글이 비어 있어요."),
    # training
    "out_of_memory": _("메모리가 모자라요. 더 작은 크기로 다시 시작하거나, 긴 녹음을 빼 주세요."),
    "non_finite": _(
        "계산이 거듭 넘쳐서 학습을 멈췄어요. 기록에 나온 녹음을 들어 보고, 이상한 것을 뺀 뒤 다시 시작해 주세요."
    ),
    "bad_checkpoint": _("체크포인트 파일이 상했거나 다른 종류예요."),
    "bad_dataset": _("이 녹음들로는 학습할 수 없어요."),
    "all_damaged": _("저장해 둔 체크포인트를 하나도 읽을 수 없어요. 처음부터 다시 학습해 주세요."),
    "damaged": _("체크포인트 파일이 상했어요. 다른 것을 골라 주세요."),
    "misfit": _("체크포인트 파일의 내용이 그 안에 적힌 설명과 달라요. 다른 것을 골라 주세요."),
    "missing": _("체크포인트 파일이 저장소에 없어요. 다른 것을 골라 주세요."),
    "other_run": _("저장해 둔 체크포인트와 크기나 설정이 달라서 이어서 학습할 수 없어요. 처음부터 다시 학습해 주세요."),
    "too_few_clips": _("쓸 수 있는 녹음이 %(clips)s개예요. 동의한 화자의 녹음이 서로 다른 문장으로 둘은 있어야 해요."),
    "file": _("서버의 파일을 쓸 수 없어요: %(path)s. 파일의 주인과 권한을 확인해 주세요."),
    "disk_full": _("서버의 저장 공간이 가득 찼어요. 관리자에게 알려 주세요."),
    "worker_lost": _(
        "새 체크포인트 없이 작업자와 %(times)s번 연락이 끊겼어요. 작업자의 메모리와 기록을 살펴봐 주세요."
    ),
    "trainer_died": _(
        "새 체크포인트 없이 학습 프로그램이 %(times)s번 갑자기 꺼졌어요(%(how)s). "
        "메모리가 모자라지 않은지 살펴봐 주세요."
    ),
    "database": _("데이터베이스와 연결이 거듭 끊겨서 멈췄어요. 데이터베이스를 살펴본 뒤 이어서 학습해 주세요."),
    "base_withdrawn": _(
        "%(speaker)s 님이 동의를 거두어서, 그 목소리를 바탕으로는 학습할 수 없어요. 다른 바탕을 골라 주세요."
    ),
}

# code → (what is wrong, what to do about it); %(value)s and %(limit)s are the reason's numbers, already rounded.
VERDICT_WORDS: dict[str, tuple[Words, Words]] = {
    "silent": (_("말소리가 들리지 않아요"), _("마이크가 켜져 있는지, 알맞은 마이크인지 확인해 주세요.")),
    "clipped": (_("소리가 찌그러졌어요"), _("마이크에서 조금 떨어지거나 입력 크기를 낮춰 주세요.")),
    "zeros": (_("소리가 %(value)s초 동안 끊겼어요"), _("연결을 확인하고, 잡음 제거 기능이 꺼져 있는지 봐 주세요.")),
    "dropout": (
        _("컴퓨터가 소리를 군데군데 놓쳤어요"),
        _("다른 프로그램이나 창을 닫고 다시 읽어 주세요."),
    ),
    "noisy": (
        _("잡음이 말소리에 비해 커요 (신호 대 잡음 %(value)s dB)"),
        _("더 조용한 곳에서, 마이크에 조금 더 가까이서 읽어 주세요."),
    ),
    "noisy_room": (
        _("방이 조금 시끄러워요 (배경 %(value)s dBFS)"),
        _("선풍기나 에어컨을 끄고 창문을 닫아 주세요."),
    ),
    "too_quiet": (
        _("소리가 작아요 (최고 %(value)s dBFS)"),
        _("마이크에 조금 더 가까이 오거나 입력 크기를 올려 주세요."),
    ),
    "too_loud": (
        _("소리가 너무 커요 (최고 %(value)s dBFS)"),
        _("마이크에서 조금 떨어지거나 입력 크기를 낮춰 주세요."),
    ),
    "edge_start": (_("앞부분이 잘렸을 수 있어요"), _("녹음을 누르고 한 박자 쉬었다가 읽어 주세요.")),
    "edge_end": (_("끝부분이 잘렸을 수 있어요"), _("다 읽고 한 박자 쉬었다가 멈춰 주세요.")),
    "dc_offset": (_("마이크 신호가 한쪽으로 치우쳤어요"), _("다른 마이크나 다른 단자로 바꿔 보세요.")),
    "fast": (_("평소보다 %(value)s%% 빨라요"), _("늘 읽던 빠르기로 읽어야 목소리를 고르게 배워요.")),
    "slow": (_("평소보다 %(value)s%% 느려요"), _("늘 읽던 빠르기로 읽어야 목소리를 고르게 배워요.")),
    "louder": (_("평소보다 %(value)s dB 커요"), _("마이크와의 거리와 입력 크기가 그대로인지 봐 주세요.")),
    "softer": (_("평소보다 %(value)s dB 작아요"), _("마이크와의 거리와 입력 크기가 그대로인지 봐 주세요.")),
    "too_long": (_("문장이 길어요 (%(value)s초)"), _("그대로 써도 되지만, 짧은 문장에서 더 잘 배워요.")),
}

LEVEL_WORDS: dict[str, Words] = {
    "good": _("좋아요"),
    "warned": _("쓸 수 있지만 한번 봐 주세요"),
    "refused": _("다시 녹음해 주세요"),
}


def reason_words(reason: dict[str, Any]) -> dict[str, Any]:
    """A reason of `speech.quality` or of the match file with `words` and `advice` in the person's language."""
    if reason["code"] in MATCH_WORDS:
        return match_reason_words(reason)
    value, limit = float(reason.get("value", 0)), float(reason.get("limit", 0))
    numbers = {"value": f"{value:.2f}" if abs(value) < 1 else f"{value:.0f}", "limit": f"{limit:g}"}
    what, advice = VERDICT_WORDS.get(str(reason["code"]), (str(reason["code"]), ""))
    return {**reason, "words": str(what) % numbers, "advice": str(advice)}


def verdict_words() -> dict[str, Any]:
    """The words of a verdict for the page's own first look, with `{value}` and `{limit}` to be filled in."""
    reasons = {
        code: {"words": _for_page(what), "advice": _for_page(advice)} for code, (what, advice) in VERDICT_WORDS.items()
    }
    return {"levels": {level: str(words) for level, words in LEVEL_WORDS.items()}, "reasons": reasons}


def _for_page(words: Words) -> str:
    return str(words) % {"value": "{value}", "limit": "{limit}"}
