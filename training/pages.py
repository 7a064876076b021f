"""What the pages of the training room show."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from studio.access import is_admin
from training import selectors, services
from training.forms import RunForm
from training.models import Checkpoint, TrainingRun
from training.words import (
    FIGURE_WORDS,
    PART_WORDS,
    SIZE_HINTS,
    SIZE_WORDS,
    STAGE_WORDS,
    STATE_WORDS,
    clips_named,
    curve_figure,
    device_words,
    failure_words,
    log_words,
    measured_words,
    model_words,
)

BADGES = {"queued": "", "running": "busy", "stopped": "warn", "finished": "good", "failed": "bad"}
RUNS_SHOWN = 30
CHECKPOINTS_SHOWN = 4  # the older ones are a click away
TABLE_ROWS = 12  # of the table that says what a curve shows


def runs(user: AbstractBaseUser | AnonymousUser) -> dict[str, Any]:
    """The list: what trains and waits, and what is over."""
    cards = [card(run) for run in selectors.runs_visible_to(user)[:RUNS_SHOWN]]
    active = [one for one in cards if one["run"].state in TrainingRun.ACTIVE]
    return {"active": active, "over": [one for one in cards if one not in active]}


def start(form: RunForm, refusal: str = "") -> dict[str, Any]:
    """The form beside the list."""
    return {
        "form": form,
        "refusal": refusal,
        "sizes": [{"value": size, "words": SIZE_WORDS[size], "hint": SIZE_HINTS[size]} for size in selectors.SIZES],
        "speakers": selectors.speakers_to_train(at_least=services.FEWEST_CLIPS).exists(),
    }


def card(run: TrainingRun) -> dict[str, Any]:
    """One run in a few words."""
    parts = selectors.parts_of(run)
    state = selectors.run_state(run)
    return {
        "run": run,
        "badge": BADGES[run.state],
        "words": STATE_WORDS[run.state],
        "models": " + ".join(model_words(part.model) for part in parts),
        "size": SIZE_WORDS.get(run.size, run.size),
        "part": PART_WORDS.get(run.part, ""),
        "step": run.step,
        "total": state["total"],
        "counted": f"{run.step:,} / {state['total']:,}",
        "position": state["queue_position"],
    }


def run(run: TrainingRun, user: AbstractBaseUser | AnonymousUser) -> dict[str, Any]:
    """The page of one run."""
    state = selectors.run_state(run)
    checkpoints = list(selectors.checkpoints_of(run))
    curves = selectors.run_curves(run)
    withdrawn = selectors.speaker_withdrawn_in([run.pk])
    view = partial(checkpoint_view, may_publish=withdrawn is None)
    return {
        **card(run),
        "state": state,
        "stage": STAGE_WORDS.get(run.stage, ""),
        "error": failure_words(run.error) if run.error else "",
        "device": device_words(run.device),
        "on_cpu": run.device == "cpu" and run.state == TrainingRun.State.RUNNING,
        "parts": [part_view(run, part, curves[part.kind]) for part in selectors.parts_of(run)],
        "newest": [view(one) for one in newest(run, checkpoints)],
        "checkpoints": [view(one) for one in checkpoints[:CHECKPOINTS_SHOWN]],
        "older": [view(one) for one in checkpoints[CHECKPOINTS_SHOWN:]],
        "elapsed": elapsed_words(run),
        "log": log(run),
        "live": {"path": f"/ws/runs/{run.pk}/", "state": state, "curves": curves, "words": script_words()},
        "may_manage": is_admin(user),
        "may_stop": run.state in TrainingRun.ACTIVE and not run.stop_requested,
        "may_resume": withdrawn is None and run.state in (TrainingRun.State.STOPPED, TrainingRun.State.FAILED),
        "withdrawn": withdrawn,
    }


def part_view(run: TrainingRun, part: selectors.Part, curves: dict[str, list[list[float]]]) -> dict[str, Any]:
    """One of the two trainings: where it stands, and its curve as a table."""
    done = reached(run, part)
    return {
        "kind": part.kind,
        "label": PART_WORDS[part.kind],
        "model": model_words(part.model),
        "base": part.base.words if part.base else "",
        "figure": curve_figure(part.model),
        "axis": FIGURE_WORDS[curve_figure(part.model)],
        "steps": part.steps,
        "done": done,
        "done_words": f"{done:,}",
        "steps_words": f"{part.steps:,}",
        "state": "done" if done >= part.steps else "now" if run.part == part.kind else "later",
        "rows": [[f"{step:,}", *losses] for step, *losses in curve_rows(**curves)],
    }


def curve_rows(train: list[list[float]], held_out: list[list[float]]) -> list[list[float | None]]:
    """A curve in a few rows of step, training loss and held-out loss, at steps where both are known if any are."""
    steps = [step for step, _loss in selectors.thinned(held_out or train, TABLE_ROWS, mean=False)]
    held = {point[0]: point[1] for point in held_out}

    def trained(step: float) -> float | None:
        return next((loss for at, loss in reversed(train) if at <= step), None)

    return [[int(step), trained(step), held.get(step)] for step in steps]


def reached(run: TrainingRun, part: selectors.Part) -> int:
    if run.part == part.kind:
        return min(run.step, part.steps)
    newest = selectors.latest_checkpoint(run, part.kind)
    return newest.step if newest else 0


def newest(run: TrainingRun, checkpoints: list[Checkpoint]) -> list[Checkpoint]:
    """The checkpoints to look at and to listen to: the newest of each part, the part that trains first."""
    newest = {one.kind: one for one in sorted(checkpoints, key=lambda one: one.step) if one.picture}
    ended = run.state not in TrainingRun.ACTIVE
    first = Checkpoint.Kind.ACOUSTIC if ended else run.part
    return sorted(newest.values(), key=lambda one: one.kind != first)


def elapsed_words(run: TrainingRun) -> str:
    """How long a run that is over took from its first start to its end, its rests included."""
    if not (run.started_at and run.ended_at):
        return ""
    minutes = max(1, round((run.ended_at - run.started_at).total_seconds() / 60))
    if minutes < 60:
        return _("%(minutes)s분") % {"minutes": minutes}
    return _("%(hours)s시간 %(minutes)s분") % {"hours": minutes // 60, "minutes": minutes % 60}


def checkpoint_view(checkpoint: Checkpoint, *, may_publish: bool) -> dict[str, Any]:
    """A checkpoint and its addresses; that of publishing where it may become a voice."""
    try:
        publish = reverse("synthesis:voice_publish", args=[checkpoint.pk])
    except NoReverseMatch:
        publish = ""
    return {
        **selectors.last_checkpoint_json(checkpoint),
        "row": checkpoint,
        "step_words": checkpoint.step_words,
        "part": PART_WORDS[checkpoint.kind],
        "measured": measured_words(checkpoint.losses),
        "publish": publish if may_publish and checkpoint.kind == Checkpoint.Kind.ACOUSTIC else "",
    }


def log(run: TrainingRun) -> list[dict[str, Any]]:
    """The log, newest first."""
    events = list(selectors.log_events(run))
    texts = selectors.clip_texts(one for event in events for one in clips_named(event.data))
    lines = [
        {
            "at": event.created_at,
            "words": log_words(event.kind, event.data, texts),
            "level": level(event.kind, event.data),
        }
        for event in reversed(events)
    ]
    return [line for line in lines if line["words"]]


def level(kind: str, data: dict[str, Any]) -> str:
    if kind == "training_failed" or data.get("state") == "failed":
        return "bad"
    return "warn" if kind == "warned" or data.get("reason") == "lease_expired" else ""


def script_words() -> dict[str, str | Promise | dict[str, Any]]:
    """The words that the page's script needs."""
    return {
        "stages": STAGE_WORDS,
        "states": STATE_WORDS,
        "hours": _("{hours}시간 {minutes}분"),
        "minutes": _("{minutes}분"),
        "seconds": _("{seconds}초"),
        "under_a_minute": _("1분 안쪽"),
        "measuring": _("재고 있어요"),
        "per_minute": _("분당 {rate}걸음"),
        "open": _("실시간으로 보고 있어요"),
        "waiting": _("연결이 끊겨 다시 잇고 있어요. 보이는 것은 끊기기 전의 것일 수 있어요."),
        "signed_out": _("로그인이 끊겨서 더 보여 드릴 수 없어요. 다시 들어와 주세요."),
        "gone": _("지워졌거나 이제 볼 수 없는 학습이에요. 보이는 것은 그 전의 것이에요."),
        "train": _("학습"),
        "held_out": _("확인"),
        "step": _("{step}걸음"),
        "x_axis": _("걸음"),
        "y_axis": _("손실"),
        "log_scale": _("로그 눈금"),
        "look": _("곡선을 짚으면 값을 보여 드려요."),
        "no_points": _("첫 걸음을 기다리고 있어요."),
        "curve": _("{part} 손실 곡선. 좌우 화살표로 걸음을 옮겨 값을 들어요."),
        "summary_one": _("학습 손실은 {train_first}에서 {train_last}까지 왔어요."),
        "summary": _(
            "학습 손실은 {train_first}에서 {train_last}까지, 확인 손실은 {held_first}에서 {held_last}까지 왔어요."
        ),
    }
