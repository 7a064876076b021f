"""The words of the training room: events and states as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from speech.run_folder import DISTORTION
from studio.errors import stored_message

Words = str | Promise

PART_WORDS: dict[str, Words] = {
    "acoustic": gettext_lazy("음향 모델"),
    "vocoder": gettext_lazy("보코더"),
}
STAGE_WORDS: dict[str, Words] = {
    "claimed": gettext_lazy("시작하고 있어요"),
    "fetch": gettext_lazy("녹음을 가져오고 있어요"),
    "restore": gettext_lazy("지난 체크포인트를 찾고 있어요"),
    "prepare": gettext_lazy("녹음을 다듬고 있어요"),
    "load": gettext_lazy("모델을 불러오고 있어요"),
    "train": gettext_lazy("배우고 있어요"),
    "evaluate": gettext_lazy("처음 듣는 문장으로 확인하고 있어요"),
    "checkpoint": gettext_lazy("체크포인트를 저장하고 있어요"),
}
STATE_WORDS: dict[str, Words] = {
    "queued": gettext_lazy("차례를 기다려요"),
    "running": gettext_lazy("학습 중이에요"),
    "stopped": gettext_lazy("멈췄어요"),
    "finished": gettext_lazy("다 배웠어요"),
    "failed": gettext_lazy("실패했어요"),
}
SIZE_WORDS: dict[str, Words] = {
    "full": gettext_lazy("큰 모델"),
    "compact": gettext_lazy("작은 모델"),
    "trial": gettext_lazy("연습용"),
}
SIZE_HINTS: dict[str, Words] = {
    "full": gettext_lazy("논문 그대로예요. 가장 곱지만 GPU가 있어야 쓸 만해요."),
    "compact": gettext_lazy("CPU로도 한두 시간이면 배워요."),
    "trial": gettext_lazy("잘 돌아가는지만 봐요. 몇 분이면 끝나지만 말소리가 되지는 않아요."),
}
MODEL_WORDS = {"tacotron2": "Tacotron 2", "waveglow": "WaveGlow", "hifi_gan": "HiFi-GAN"}
_STATE_REASONS: dict[tuple[str, str], Words] = {
    ("queued", "started"): gettext_lazy("학습을 신청했어요."),
    ("queued", "resumed"): gettext_lazy("이어서 학습하도록 신청했어요."),
    ("queued", "drained"): gettext_lazy("작업자가 꺼지게 되어, 저장해 두고 다음 작업자를 기다려요."),
    ("queued", "interrupted"): gettext_lazy("데이터베이스와 연결이 끊겨 다시 차례를 기다려요."),
    ("queued", "lease_expired"): gettext_lazy("작업자와 연락이 끊겼어요. 마지막 체크포인트에서 이어서 학습할 거예요."),
    ("running", "claimed"): gettext_lazy("작업자가 학습을 맡았어요."),
    ("stopped", "asked"): gettext_lazy("차례를 기다리던 학습을 멈췄어요."),
    ("stopped", "consent_withdrawn"): gettext_lazy("화자가 동의를 거두어서 학습을 멈췄어요."),
    ("stopped", "base_withdrawn"): gettext_lazy("바탕이 된 목소리의 화자가 동의를 거두어서 학습을 멈췄어요."),
    ("stopped", "lease_expired"): gettext_lazy("작업자와 연락이 끊겼고, 멈추라는 요청이 있어 멈췄어요."),
    ("stopped", "drained"): gettext_lazy("저장하고 멈췄어요. 이어서 학습할 수 있어요."),
    ("stopped", "interrupted"): gettext_lazy("데이터베이스와 연결이 끊겼고, 멈추라는 요청이 있어 멈췄어요."),
    ("stopped", "ended"): gettext_lazy("저장하고 멈췄어요. 이어서 학습할 수 있어요."),
    ("finished", "ended"): gettext_lazy("학습을 마쳤어요."),
}
_WARNINGS: dict[str, Words] = {
    "trainer_restarted": gettext_lazy("학습 프로그램이 갑자기 꺼져서(%(how)s) 마지막 체크포인트에서 다시 시작해요."),
    "checkpoint_not_stored": gettext_lazy("%(step)s걸음 체크포인트를 저장하지 못했어요. 학습은 계속돼요."),
    "damaged_checkpoint": gettext_lazy("%(step)s걸음 체크포인트가 상해서 그 앞의 것으로 이어 가요."),
    "clips_missing": gettext_lazy("저장소에 파일이 없거나 상한 녹음은 빼고 배워요: %(names)s"),
    "little_speech": gettext_lazy("말소리가 %(minutes).1f분뿐이에요. %(limit).0f분은 넘어야 하고, 20분이면 더 좋아요."),
    "many_skipped": gettext_lazy("녹음 %(total)s개 가운데 %(skipped)s개는 쓸 수 없어요: %(names)s"),
    "missing_jamo": gettext_lazy("학습용 녹음에 %(shown)s 소리가 없어요. 그 소리가 든 문장을 녹음하면 좋아요."),
    "odd_pace": gettext_lazy(
        "녹음 %(count)s개가 다른 녹음보다 훨씬 빠르거나 느려요. 글과 말이 같은지 봐 주세요: %(names)s"
    ),
    "long_clips": gettext_lazy(
        "녹음 %(count)s개가 %(limit)s초보다 길어요. 메모리는 많이 쓰고 배우는 것은 적어요: %(names)s"
    ),
    "repeated_texts": gettext_lazy("녹음 %(count)s개는 다른 녹음과 같은 말이에요: %(names)s"),
    "non_finite_batch": gettext_lazy("%(step)s걸음 뒤 계산이 넘쳐서 녹음 몇 개를 건너뛰었어요: %(names)s"),
    "rolled_back": gettext_lazy("계산이 거듭 넘쳐서 %(step)s걸음으로 돌아가 학습률을 반으로 낮췄어요."),
    "batch_halved": gettext_lazy("메모리가 모자라서 한 번에 녹음 %(batch_size)s개씩 나누어 배워요."),
    "no_sample": gettext_lazy("%(step)s걸음의 들어 볼 소리를 만들지 못했어요. 학습은 계속돼요."),
    "base_audio": gettext_lazy("바탕이 다른 방식의 소리로 배운 것이라 도움이 적을 거예요."),
    "base_partial": gettext_lazy(
        "바탕이 다른 크기라서 맞는 것만 이어받아요. "
        "가중치 %(loaded)s묶음은 이어받고, %(skipped)s묶음은 처음부터 배워요."
    ),
    "base_front_end": gettext_lazy("바탕이 지금과 다른 방법으로 글을 읽고 배웠어요. 조금 더 배워야 할 수 있어요."),
}
_SKIPPED: dict[str, Words] = {
    "too_long": gettext_lazy("너무 길어요"),
    "too_short": gettext_lazy("너무 짧아요"),
    "silent": gettext_lazy("말소리가 없어요"),
    "bad_text": gettext_lazy("읽을 수 없는 글이에요"),
    "nothing_to_read": gettext_lazy("읽을 수 없는 글이에요"),
    "unknown_symbol": gettext_lazy("읽을 수 없는 글이에요"),
    "unreadable": gettext_lazy("소리 파일을 읽을 수 없어요"),
}
_UNFORESEEN = ("internal", "trainer_failed")  # of a trainer; speaking has words of its own for "internal"
NAMED = 3  # clips named in a line


# A training loss counts opponents in where there are any, who come late or grow stronger; held-out clips know none.
_CURVE_FIGURES = {"hifi_gan": "mel", "tacotron2": "mel"}
FIGURE_WORDS: dict[str, Words] = {"loss": gettext_lazy("손실"), "mel": gettext_lazy("멜 거리")}


def curve_figure(model: str) -> str:
    """The figure among a model's losses that training and checking measure alike, so that both go on one axis."""
    return _CURVE_FIGURES.get(model, "loss")


def measured_words(losses: Mapping[str, float]) -> str:
    """What a checkpoint is chosen by: how far it sounds from the takes, or where that is not told, its loss."""
    if (distance := losses.get(DISTORTION)) is not None:
        return _("녹음과의 거리 %(distance)s dB") % {"distance": f"{distance:.2f}"}
    loss = losses.get("loss")
    return "" if loss is None else _("확인 손실 %(loss)s") % {"loss": f"{loss:.3f}"}


def model_words(name: str) -> str:
    """A model's name as its paper writes it."""
    return MODEL_WORDS.get(name, name)


def clips_named(data: dict[str, Any]) -> list[str]:
    """Ids of the clips that an event names first, so that a page can show their texts."""
    params = data.get("params") or {}
    ids = params.get("ids") or params.get("clips") or [row["id"] for row in data.get("skipped") or []]
    return [str(one) for one in ids[:NAMED]] if isinstance(ids, list) else []


def log_words(kind: str, data: dict[str, Any], texts: Mapping[str, str] | None = None) -> str:
    """One line of the log for an event; empty for one that a log leaves out. `texts`: of clips, by their ids."""
    line = _line(kind, data, texts or {})
    part = PART_WORDS.get(data.get("part", ""))
    return f"{part} · {line}" if part and line else line


def _line(kind: str, data: dict[str, Any], texts: Mapping[str, str]) -> str:
    match kind:
        case "state_changed":
            return _state_line(data)
        case "stop_requested" if data.get("reason") == "consent_withdrawn":
            return _("화자가 동의를 거두었어요. 이번 걸음을 마치고 멈춰요.")
        case "stop_requested" if data.get("reason") == "base_withdrawn":
            return _("바탕이 된 목소리의 화자가 동의를 거두었어요. 이번 걸음을 마치고 멈춰요.")
        case "stop_requested":
            return _("멈춰 달라고 했어요. 이번 걸음을 마치고 저장한 뒤 멈춰요.")
        case "data_prepared":
            return _prepared_line(data, texts)
        case "training_started":
            return _started_line(data)
        case "checkpoint_saved":
            best = _(" (지금까지 가장 좋아요)") if data.get("best") else ""
            saved = _("%(step)s걸음 체크포인트를 저장했어요.") % {"step": f"{data['step']:,}"}
            return f"{saved} {measured_words(data.get('losses') or {})}".rstrip() + best
        case "warned":
            return _warning_line(data, texts)
        case "training_failed":
            return failure_words(data)
        case _:
            return ""


def failure_words(error: dict[str, Any]) -> str:
    """Why a run failed, in the person's language; what nobody foresaw is told as the program told it."""
    if error.get("code") in _UNFORESEEN:
        words = _("학습 프로그램에 뜻밖의 오류가 났어요. 작업자의 기록을 살펴봐 주세요: %(error)s")
        return words % {"error": error.get("message", "")}
    return stored_message(error)


def _started_line(data: dict[str, Any]) -> str:
    words = _("%(device)s에서 %(step)s걸음부터 시작해요. 매개변수 %(parameters)s개, 한 번에 녹음 %(batch)s개.")
    return words % {
        "device": device_words(data["device"]),
        "step": f"{data['step']:,}",
        "parameters": f"{data['parameters'] / 1e6:,.1f}M",
        "batch": data["batch_size"],
    }


def device_words(device: str) -> str:
    """ "cpu" → "CPU"; "cuda:0 NVIDIA H200" → "NVIDIA H200"."""
    if not device:
        return ""
    kind, _space, name = device.partition(" ")
    return name or kind.upper()


def _state_line(data: dict[str, Any]) -> str:
    if data["state"] == "failed":
        return _("실패했어요: %(message)s") % {"message": failure_words(data.get("error") or {})}
    words = _STATE_REASONS.get((data["state"], data.get("reason", "")))
    return str(words or STATE_WORDS.get(data["state"], data["state"]))


def _prepared_line(data: dict[str, Any], texts: Mapping[str, str]) -> str:
    line = _(
        "녹음 %(clips)s개를 다듬었고 말소리는 %(minutes).1f분이에요. 그중 %(held_out)s개는 배우지 않고 확인에만 써요."
    ) % {
        "clips": data["clips"],
        "minutes": data["seconds"] / 60,
        "held_out": data["held_out"],
    }
    skipped = data.get("skipped") or []
    if skipped:
        named = [f"{_name(row['id'], texts)} ({_why_skipped(row)})" for row in skipped[:NAMED]]
        names = ", ".join(named) + (" …" if len(skipped) > NAMED else "")
        line += " " + _("%(count)s개는 쓰지 못했어요: %(names)s") % {"count": len(skipped), "names": names}
    return line


def _why_skipped(row: dict[str, Any]) -> str:
    return str(_SKIPPED.get(row["code"]) or stored_message(row))


def _warning_line(data: dict[str, Any], texts: Mapping[str, str]) -> str:
    params: dict[str, Any] = dict(data.get("params") or {})
    words = _WARNINGS.get(data["code"])
    if words is None:
        return stored_message(data)
    params["names"] = ", ".join(_name(one, texts) for one in clips_named(data))
    if isinstance(params.get("step"), int):
        params["step"] = f"{params['step']:,}"
    if isinstance(params.get("shown"), list):
        params["shown"] = ", ".join(params["shown"])
    try:
        return str(words) % params
    except (KeyError, TypeError, ValueError):
        return str(data["message"])


def _name(clip: str, texts: Mapping[str, str]) -> str:
    """A clip by what is said in it, shortened; by its id where it is gone."""
    text = texts.get(clip, clip)
    return f"‘{text[:20]}…’" if len(text) > 21 else f"‘{text}’"
