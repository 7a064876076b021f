"""The words of the training room: events and states as a person reads them."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

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
    "full": gettext_lazy("큰 모델 · 논문 그대로, GPU 권장"),
    "compact": gettext_lazy("작은 모델 · CPU로도 배울 수 있어요"),
    "trial": gettext_lazy("연습용 · 몇 초면 끝나고 소리는 나지 않아요"),
}
MODEL_WORDS = {"tacotron2": "Tacotron 2", "waveglow": "WaveGlow", "hifi_gan": "HiFi-GAN"}
_STATE_REASONS: dict[tuple[str, str], Words] = {
    ("queued", "started"): gettext_lazy("학습을 신청했어요."),
    ("queued", "resumed"): gettext_lazy("이어서 학습하도록 신청했어요."),
    ("queued", "drained"): gettext_lazy("작업자가 쉬러 가서, 저장해 두고 다음 작업자를 기다려요."),
    ("queued", "interrupted"): gettext_lazy("데이터베이스와 연결이 끊겨 다시 차례를 기다려요."),
    ("queued", "lease_expired"): gettext_lazy("작업자와 연락이 끊겼어요. 마지막 체크포인트에서 이어서 학습할 거예요."),
    ("running", "claimed"): gettext_lazy("작업자가 학습을 맡았어요."),
    ("stopped", "asked"): gettext_lazy("차례를 기다리던 학습을 멈췄어요."),
    ("stopped", "lease_expired"): gettext_lazy("작업자와 연락이 끊겼고, 멈추라는 요청이 있어 멈췄어요."),
    ("stopped", "ended"): gettext_lazy("저장하고 멈췄어요. 이어서 학습할 수 있어요."),
    ("finished", "ended"): gettext_lazy("학습을 마쳤어요."),
}
_WARNINGS: dict[str, Words] = {
    "trainer_restarted": gettext_lazy("학습 프로그램이 갑자기 꺼져서(%(how)s) 마지막 체크포인트에서 다시 시작해요."),
    "checkpoint_not_stored": gettext_lazy("%(step)s단계 체크포인트를 저장하지 못했어요. 학습은 계속돼요."),
    "damaged_checkpoint": gettext_lazy("%(step)s단계 체크포인트가 상해서 그 앞의 것으로 이어 가요."),
}


def model_words(name: str) -> str:
    """A model's name as its paper writes it."""
    return MODEL_WORDS.get(name, name)


def log_words(kind: str, data: dict[str, Any]) -> str:
    """One line of the log for an event; empty for one that a log leaves out."""
    line = _line(kind, data)
    part = PART_WORDS.get(data.get("part", ""))
    return f"{part} · {line}" if part and line else line


def _line(kind: str, data: dict[str, Any]) -> str:
    match kind:
        case "state_changed":
            return _state_line(data)
        case "stop_requested":
            return _("멈춰 달라고 했어요. 이 단계를 마치고 저장한 뒤 멈춰요.")
        case "data_prepared":
            return _prepared_line(data)
        case "training_started":
            return _(
                "%(device)s에서 %(step)s단계부터 시작해요. 매개변수 %(millions).1f백만 개, 한 번에 %(batch)s개씩."
            ) % {
                "device": device_words(data["device"]),
                "step": data["step"],
                "millions": data["parameters"] / 1e6,
                "batch": data["batch_size"],
            }
        case "evaluated":
            return _("%(step)s단계: 처음 듣는 문장의 손실 %(loss)s") % _figures(data)
        case "checkpoint_saved":
            best = _(" (지금까지 가장 좋아요)") if data.get("best") else ""
            return _("%(step)s단계 체크포인트를 저장했어요") % _figures(data) + best
        case "warned":
            return _warning_line(data)
        case "training_failed":
            return stored_message(data)
        case _:
            return ""


def device_words(device: str) -> str:
    """ "cpu" → "CPU"; "cuda:0 NVIDIA H200" → "NVIDIA H200"."""
    if not device:
        return ""
    kind, _space, name = device.partition(" ")
    return name or kind.upper()


def _state_line(data: dict[str, Any]) -> str:
    if data["state"] == "failed":
        return _("실패했어요: %(message)s") % {"message": stored_message(data.get("error") or {})}
    words = _STATE_REASONS.get((data["state"], data.get("reason", "")))
    return str(words or STATE_WORDS.get(data["state"], data["state"]))


def _prepared_line(data: dict[str, Any]) -> str:
    line = _("녹음 %(clips)s개(%(minutes).1f분)를 다듬었어요. 그중 %(held_out)s개는 확인용으로 남겨 둬요.") % {
        "clips": data["clips"],
        "minutes": data["seconds"] / 60,
        "held_out": data["held_out"],
    }
    if skipped := data.get("skipped"):
        line += " " + _("%(count)s개는 쓰지 못했어요: %(first)s") % {
            "count": len(skipped),
            "first": stored_message(skipped[0]),
        }
    return line


def _warning_line(data: dict[str, Any]) -> str:
    words = _WARNINGS.get(data["code"])
    if words is None:
        return str(stored_message(data))
    try:
        return str(words) % data.get("params", {})
    except (KeyError, TypeError, ValueError):
        return str(data["message"])


def _figures(data: dict[str, Any]) -> dict[str, Any]:
    loss = (data.get("losses") or {}).get("loss")
    return {"step": data["step"], "loss": "–" if loss is None else f"{loss:.3f}"}
