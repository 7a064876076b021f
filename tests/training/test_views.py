"""The pages of the training room, as a browser without scripts gets them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from studio import files
from studio import services as studio_services
from studio.models import Speaker
from tests.training.conftest import make_speaker
from training import pages, selectors, services
from training.journal import record
from training.models import Checkpoint, TrainingRun
from training.words import log_words

State = TrainingRun.State


@pytest.fixture(autouse=True)
def _redis(redis_url: str) -> None:
    """Starting a run sends a message."""


@pytest.fixture
def client(admin: User) -> Client:
    client = Client()
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def run(speaker: Speaker) -> TrainingRun:
    return services.run_start(speaker=speaker, acoustic_steps=100, vocoder="waveglow", vocoder_steps=50, size="trial")


def choice(speaker: Speaker, **changes: Any) -> dict[str, Any]:
    return {
        "speaker": speaker.pk, "size": "trial", "acoustic": "tacotron2", "acoustic_steps": 20, "acoustic_base": "",
        "vocoder": "", "vocoder_steps": 2000, "vocoder_base": "", "sample_text": "안녕하세요.", **changes,
    }  # fmt: skip


def test_the_form_starts_a_run_and_leads_to_its_page(client: Client, speaker: Speaker) -> None:
    answer = client.post("/train/", choice(speaker), follow=True)
    run = TrainingRun.objects.get()
    assert answer.redirect_chain == [(f"/train/{run.pk}/", 302)]
    assert (run.acoustic_steps, run.vocoder, run.vocoder_steps) == (20, "", 0)
    assert "차례를 기다리고 있어요. 1번째예요." in answer.content.decode()


def test_a_form_refuses_in_the_words_of_the_studio(client: Client, speaker: Speaker) -> None:
    wrong = choice(speaker, size="huge", acoustic_steps="", vocoder_steps="many")
    page = client.post("/train/", {**wrong, "speaker": uuid4()}).content.decode()
    for words in (
        "고른 것을 지금은 쓸 수 없어요. 다시 골라 주세요.",
        "고를 수 없는 값이에요: huge",
        "꼭 채워야 하는 칸이에요.",
        "정수를 적어 주세요.",
    ):
        assert words in page


def test_the_form_starts_both_parts_when_a_vocoder_is_chosen(client: Client, speaker: Speaker) -> None:
    client.post("/train/", choice(speaker, vocoder="waveglow", vocoder_steps=30))
    run = TrainingRun.objects.get()
    assert [(part.model, part.steps) for part in selectors.parts_of(run)] == [("tacotron2", 20), ("waveglow", 30)]


def test_a_second_start_of_a_voice_is_refused_in_words_and_keeps_what_was_chosen(
    client: Client, speaker: Speaker
) -> None:
    client.post("/train/", choice(speaker))
    answer = client.post("/train/", choice(speaker, acoustic_steps=77))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "이미 학습 중이거나 차례를 기다리고 있어요" in page
    assert 'value="77"' in page
    assert TrainingRun.objects.count() == 1


@pytest.mark.parametrize("wrong", [{"sample_text": "☃☃"}, {"acoustic_steps": -1}, {"size": "huge"}, {"acoustic": "x"}])
def test_a_form_that_cannot_be_filled_so_says_it_at_the_field(
    client: Client, speaker: Speaker, wrong: dict[str, Any]
) -> None:
    answer = client.post("/train/", choice(speaker, **wrong))
    assert answer.status_code == 400
    assert 'class="error"' in answer.content.decode()
    assert not TrainingRun.objects.exists()


def test_a_run_is_stopped_and_resumed_by_its_buttons(client: Client, run: TrainingRun) -> None:
    client.post(f"/train/{run.pk}/stop")
    run.refresh_from_db()
    assert run.state == State.STOPPED
    assert "이어서 학습" in client.get(f"/train/{run.pk}/").content.decode()
    client.post(f"/train/{run.pk}/resume")
    run.refresh_from_db()
    assert run.state == State.QUEUED
    assert "멈췄거나 실패한 학습만" in client.post(f"/train/{run.pk}/resume", follow=True).content.decode()


def test_without_the_consent_a_run_offers_neither_to_resume_nor_to_publish_and_says_why(
    client: Client, run: TrainingRun, speaker: Speaker
) -> None:
    base = Checkpoint.objects.create(
        run=run, kind="acoustic", model="tacotron2", size_name="trial", step=10, file="f", sha256="0" * 64, size=1,
        picture="f.png",
    )  # fmt: skip
    services.run_stop(run=run)
    other = services.run_start(
        speaker=make_speaker("mina"), acoustic_steps=10, size="trial", acoustic_base=base, vocoder=""
    )
    services.run_stop(run=other)
    offered = f"/voices/publish/{base.pk}/"
    page = client.get(f"/train/{run.pk}/").content.decode()
    assert offered in page and f"/train/{run.pk}/resume" in page and "동의가 없어서" not in page
    studio_services.consent_withdraw(speaker=speaker)
    for one in (run, other):
        page = client.get(f"/train/{one.pk}/").content.decode()
        assert f"{speaker.label} 님의 동의가 없어서 이어서 학습하거나 공개할 수 없어요." in page
        assert offered not in page and f"/train/{one.pk}/resume" not in page
    studio_services.consent_give(speaker=speaker, text="다시 동의합니다.")
    assert offered in client.get(f"/train/{run.pk}/").content.decode()


@pytest.mark.parametrize("button", ["stop", "resume"])
def test_a_buttons_address_leads_to_the_run_when_it_is_only_looked_at(
    client: Client, run: TrainingRun, button: str
) -> None:
    assert client.get(f"/train/{run.pk}/{button}").headers["Location"] == f"/train/{run.pk}/"
    assert client.put(f"/train/{run.pk}/{button}").status_code == 405
    run.refresh_from_db()
    assert not run.stop_requested


def test_a_page_without_its_socket_says_only_what_it_knows() -> None:
    """The whole studio may be off: nobody knows then whether the run goes on."""
    words = str(pages.script_words()["waiting"])
    assert "연결이 끊겨" in words and "학습" not in words


def test_the_page_says_when_it_trains_on_a_cpu(client: Client, run: TrainingRun) -> None:
    services.run_claim(run_pk=run.pk, worker="w")
    assert "CPU로 학습하고 있어요" not in client.get(f"/train/{run.pk}/").content.decode()
    TrainingRun.objects.update(device="cpu")
    assert "CPU로 학습하고 있어요" in client.get(f"/train/{run.pk}/").content.decode()


def test_events_are_given_after_a_number(client: Client, run: TrainingRun) -> None:
    record(run_pk=run.pk, kind="warned", data={"code": "x"})
    answer = client.get(f"/train/{run.pk}/events?after=1").json()
    assert [event["seq"] for event in answer["events"]] == [2]
    assert answer["run"]["last_seq"] == 2
    assert client.get(f"/train/{run.pk}/events?after=-1").json()["code"] == "bad_number"


def test_a_speaker_sees_their_own_run_without_its_buttons_and_a_stranger_sees_nothing(
    run: TrainingRun, client: Client
) -> None:
    owner, stranger = User.objects.create_user("bora"), User.objects.create_user("stranger")
    Speaker.objects.update(user=owner)
    for user, status in ((owner, 200), (stranger, 404)):
        theirs = Client()
        theirs.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        answer = theirs.get(f"/train/{run.pk}/")
        assert answer.status_code == status
        assert f"/train/{run.pk}/stop" not in answer.content.decode()
        assert theirs.post(f"/train/{run.pk}/stop").status_code == 403
        assert theirs.get("/train/").status_code == 403
    assert Client().get(f"/train/{run.pk}/").status_code == 302


def test_the_sound_and_the_picture_of_a_checkpoint_are_for_those_who_may_see_the_run(
    run: TrainingRun, client: Client
) -> None:
    for name in ("a.wav", "a.png", "a.safetensors"):
        files.save_bytes(f"runs/{run.pk}/{name}", name.encode())
    keys = {kind: f"runs/{run.pk}/a.{kind}" for kind in ("wav", "png", "safetensors")}
    row = Checkpoint.objects.create(
        run=run, kind="acoustic", model="tacotron2", step=10, file=keys["safetensors"], sha256="0", size=13,
        sample=keys["wav"], picture=keys["png"], sample_text="안녕하세요.",
    )  # fmt: skip
    stranger = Client()
    stranger.force_login(User.objects.create_user("stranger"), backend="django.contrib.auth.backends.ModelBackend")
    for kind in keys:
        address = f"/train/checkpoints/{row.pk}.{kind}"
        assert client.get(address).content == f"a.{kind}".encode()
        assert stranger.get(address).status_code in (403, 404)
        assert address in client.get(f"/train/{run.pk}/").content.decode()


@pytest.mark.parametrize(
    ("state", "words"),
    [("running", "다음 체크포인트를"), ("stopped", "이어서 학습하면"), ("finished", "들어 볼 소리가 없어요")],
)
def test_a_run_stopped_before_its_first_sample_does_not_wait_for_a_first_checkpoint(
    run: TrainingRun, client: Client, state: str, words: str
) -> None:
    assert "첫 체크포인트가 저장되면" in client.get(f"/train/{run.pk}/").content.decode()
    TrainingRun.objects.update(state=state)
    Checkpoint.objects.create(run=run, kind="acoustic", model="tacotron2", step=3, file="a", sha256="0", size=13)
    page = client.get(f"/train/{run.pk}/").content.decode()
    assert "첫 체크포인트가 저장되면" not in page and words in page
    assert state != "finished" or "다음 체크포인트를" not in page


def test_the_curves_of_a_run_that_fell_back_show_the_later_way(run: TrainingRun) -> None:
    for step, value in ((1, 9.0), (2, 8.0), (3, 7.0), (2, 6.0), (3, 5.0)):
        record(run_pk=run.pk, kind="step_done", data={"part": "acoustic", "step": step, "losses": {"mel": value}})
    record(run_pk=run.pk, kind="evaluated", data={"part": "vocoder", "step": 2, "losses": {"loss": -1.5}})
    assert selectors.run_curves(run) == {
        "acoustic": {"train": [[1, 9.0], [2, 6.0], [3, 5.0]], "held_out": []},
        "vocoder": {"train": [], "held_out": [[2, -1.5]]},
    }


def test_both_lines_are_the_distance_of_the_mel_where_a_loss_counts_opponents_in(
    run: TrainingRun, client: Client
) -> None:
    page = client.get(f"/train/{run.pk}/").content.decode()
    assert 'data-figure-name="loss" data-axis="손실"' in page
    TrainingRun.objects.filter(pk=run.pk).update(vocoder="hifi_gan", vocoder_steps=10)
    run.refresh_from_db()
    told = {"part": "vocoder", "step": 5}
    record(run_pk=run.pk, kind="step_done", data={**told, "losses": {"loss": 31.5, "mel": 0.6, "features": 2.0}})
    record(run_pk=run.pk, kind="step_done", data={"part": "acoustic", "step": 5, "losses": {"loss": 4.0, "mel": 2.0}})
    record(run_pk=run.pk, kind="evaluated", data={**told, "losses": {"loss": 0.7, "mel": 0.7}})
    curves = selectors.run_curves(run)
    assert curves["vocoder"] == {"train": [[5, 0.6]], "held_out": [[5, 0.7]]}
    assert curves["acoustic"]["train"] == [[5, 2.0]]
    page = client.get(f"/train/{run.pk}/").content.decode()
    assert page.count('data-figure-name="mel" data-axis="멜 거리"') == 2
    assert 'data-figure-name="loss"' not in page


def test_a_step_without_the_figure_of_its_curve_is_no_point(run: TrainingRun) -> None:
    for step, losses in ((1, {"mel": 2.0}), (2, {"gate": 1.0}), (3, None), (4, {"mel": 1.0})):
        record(run_pk=run.pk, kind="step_done", data={"part": "acoustic", "step": step, "losses": losses})
    assert selectors.run_curves(run)["acoustic"]["train"] == [[1, 2.0], [4, 1.0]]


def test_a_long_curve_is_shown_by_the_means_of_equal_runs_between_its_ends() -> None:
    points = [[float(step), float(step)] for step in range(12)]
    ends = [2.0, 4.0, 6.0, 8.0, 10.0]
    assert selectors.thinned(points, 12) == points
    assert selectors.thinned(points, 7) == [points[0], *([end, end - 0.5] for end in ends), points[-1]]
    assert selectors.thinned(points, 7, mean=False) == [points[0], *([end, end] for end in ends), points[-1]]


def test_the_table_of_a_curve_groups_the_digits_of_its_steps(run: TrainingRun, client: Client) -> None:
    record(run_pk=run.pk, kind="step_done", data={"part": "acoustic", "step": 12068, "losses": {"loss": 4, "mel": 2}})
    assert '<td class="number">12,068</td>' in client.get(f"/train/{run.pk}/").content.decode()


def test_the_table_of_a_curve_has_both_losses_where_both_are_known() -> None:
    train = [[float(step), 100.0 - step] for step in range(1, 101)]
    held_out = [[10.0, 95.0], [20.0, 85.0], [100.0, 5.0]]
    assert pages.curve_rows(train, held_out) == [[10, 90.0, 95.0], [20, 80.0, 85.0], [100, 0.0, 5.0]]
    assert pages.curve_rows([[1.0, 9.0]], []) == [[1, 9.0, None]]


def test_the_log_names_clips_by_what_is_said_in_them(run: TrainingRun, speaker: Speaker) -> None:
    clip = speaker.clips.first()
    assert clip is not None
    skipped = [{"id": str(clip.pk), "code": "too_long", "message": "It is too long."}]
    data = {"part": "acoustic", "clips": 5, "train": 4, "held_out": 1, "seconds": 90.0, "skipped": skipped}
    record(run_pk=run.pk, kind="data_prepared", data=data)
    assert pages.log(run)[0]["words"].endswith("1개는 쓰지 못했어요: ‘안녕하세요.’ (너무 길어요)")


def test_the_log_says_in_the_persons_language_why_a_clip_is_left_out(run: TrainingRun) -> None:
    codes = ("cut_off", "empty_file", "nothing_to_read", "unknown_symbol")
    skipped = [{"id": code, "code": code, "message": "It cannot be used."} for code in codes]
    data = {"part": "acoustic", "clips": 5, "train": 4, "held_out": 1, "seconds": 90.0}
    for one in skipped:
        line = log_words("data_prepared", {**data, "skipped": [one]})
        assert "It cannot be used." not in line, one["code"]


def test_what_nobody_foresaw_is_told_of_training_and_not_of_speaking(run: TrainingRun, client: Client) -> None:
    TrainingRun.objects.update(state="failed", error={"code": "internal", "message": "KeyError: 'mel'", "params": {}})
    page = client.get(f"/train/{run.pk}/").content.decode()
    assert "학습 프로그램에 뜻밖의 오류가 났어요." in page and "KeyError: &#x27;mel&#x27;" in page
    assert "말하다가" not in page


def test_every_event_of_the_trainer_has_words_or_is_left_out_on_purpose(run: TrainingRun) -> None:
    from speech import events

    silent = set(selectors.SHOWN_ELSEWHERE)
    values = {"str": "cpu", "int": 1, "float": 1.0, "bool": True, "dict[str, float]": {"loss": 1.0}}
    for name, kind in events.EVENTS.items():
        fields: dict[str, Any] = {
            field: values[annotation] for field, annotation in kind.__annotations__.items() if annotation in values
        }
        words = pages.log_words(name, {"part": "acoustic", **kind(**fields).to_json()})
        assert bool(words) == (name not in silent), name


def test_why_a_run_failed_is_said_in_the_persons_language(run: TrainingRun, client: Client) -> None:
    errors: dict[str, dict[str, Any]] = {
        "all_damaged": {"run": "x"}, "damaged": {"base": "x"}, "missing": {}, "other_run": {"folder": "/x"},
        "too_few_clips": {"clips": 1}, "disk_full": {"path": "/x"}, "database": {},
        "worker_lost": {"times": 4, "worker": "w"}, "trainer_died": {"times": 4, "how": "signal 9"},
    }  # fmt: skip
    for code, params in errors.items():
        error = {"code": code, "message": "A sentence in English.", "params": params}
        TrainingRun.objects.filter(pk=run.pk).update(state=State.FAILED, error=error)
        page = client.get(f"/train/{run.pk}/").content.decode()
        notice = page.split('<p class="notice bad" role="alert">')[1].split("</p>")[0]
        assert "A sentence in English." not in notice, code


def test_the_first_page_knows_what_this_room_is_doing(
    run: TrainingRun, admin: User, speaker: Speaker, client: Client
) -> None:
    assert selectors.room_state(admin).words == "1개가 차례를 기다려요"
    services.run_claim(run_pk=run.pk, worker="w")
    TrainingRun.objects.update(part="acoustic", step=40)
    assert selectors.room_state(admin).detail == "40 / 100"
    TrainingRun.objects.update(state=State.FAILED, ended_at=timezone.now())
    assert selectors.room_state(admin).level == "bad"
    assert speaker.label in client.get("/").content.decode()


def test_a_page_asks_the_database_the_same_few_times_however_long_the_run_is(
    run: TrainingRun, client: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for step in range(200):
        record(run_pk=run.pk, kind="evaluated", data={"part": "acoustic", "step": step, "losses": {"loss": 1.0}})
    with django_assert_max_num_queries(30):
        client.get(f"/train/{run.pk}/")


def test_a_run_tells_what_it_started_from_and_when_that_was_made(client: Client, speaker: Speaker) -> None:
    shipped = Checkpoint.objects.create(
        kind="acoustic", model="tacotron2", size_name="trial", step=12068, file="b", sha256="1" * 64, size=1,
        name="base",
    )  # fmt: skip
    first = services.run_start(speaker=speaker, acoustic_steps=10, size="trial", acoustic_base=shipped, vocoder="")
    assert "바탕: 기본 목소리 · Tacotron 2 · " in client.get(f"/train/{first.pk}/").content.decode()
    own = Checkpoint.objects.create(
        run=first, kind="acoustic", model="tacotron2", size_name="trial", step=10, file="f", sha256="0" * 64, size=1
    )
    services.run_stop(run=first)
    second = services.run_start(speaker=speaker, acoustic_steps=10, size="trial", acoustic_base=own, vocoder="")
    made = timezone.localtime(own.created_at).strftime("%Y-%m-%d %H:%M")
    page = client.get(f"/train/{second.pk}/").content.decode()
    assert f"바탕: {speaker.label} · Tacotron 2 · " in page and f"10걸음 · {made}" in page
    services.run_stop(run=second)
    scratch = services.run_start(speaker=speaker, acoustic_steps=10, size="trial", acoustic_base=None, vocoder="")
    assert "바탕:" not in client.get(f"/train/{scratch.pk}/").content.decode()
