"""The main job, from an invitation to a sound: three people at their browsers, real workers, real speech."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from speech.wav import parse_wav
from tests.e2e import rooms, sounds
from tests.e2e.browser import Browsers, Visitor
from tests.servers import wait_until
from tests.studio_server import Studio

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.realtime,
    pytest.mark.skipif(not sounds.has_espeak(), reason="speaks with espeak-ng (apt-get install espeak-ng)"),
]

STEPS = 40
AWAY_SECONDS = 20
HEARD = 0.01  # of full scale: -40 dBFS


def test_a_voice_is_recorded_trained_published_and_heard(house: Studio, chromium: Browsers, tmp_path: Path) -> None:
    admin = Visitor(chromium.shared(), house.address)
    admin.enter(house.admin_link)

    # A speaker comes by an invitation, agrees and records three prompts.
    microphone = tmp_path / "microphone.wav"
    sounds.write(microphone, sounds.spoken("준비"))
    speaker = Visitor(chromium.with_microphone(microphone), house.address)
    speaker.enter(rooms.invite_speaker(admin.page, "미나", "mina"))
    rooms.give_consent(speaker.page, microphone)
    takes = [rooms.record_prompt(speaker.page, microphone) for _ in range(3)]
    rooms.all_sent(speaker.page)
    assert len({take.answer["prompt"] for take in takes}) == 3
    for take in takes:
        stored = speaker.context.request.get(take.answer["url"]).body()
        assert sounds.signal_to_error_db(stored, take.source) >= 40

    # The admin trains, looks, and looks again after a reload.
    run = rooms.start_run(admin.page, "미나", steps=STEPS)
    done = admin.page.locator("[data-part=acoustic] [data-done]")
    wait_for_steps(admin)
    expect(done).not_to_have_text("0")
    before = max(admin.steps())
    admin.forget()
    admin.page.reload()
    expect(done).not_to_have_text("0")
    wait_for_steps(admin)
    assert min(admin.steps()) > before
    expect(admin.page.locator("loss-curve .plot svg")).to_be_visible()
    expect(admin.page.locator("[data-state-badge]")).to_have_text("다 배웠어요", timeout=180_000)
    expect(done).to_have_text(str(STEPS))
    rooms.publish(admin.page, run, "미나의 목소리", "mina")

    # Somebody else listens.
    listener = Visitor(chromium.shared(), house.address)
    listener.enter(rooms.invite_listener(admin.page, "준호"))
    rooms.speak(listener.page, "미나의 목소리", "안녕하세요. 반가워요.")
    listener.page.wait_for_function(f"moksoriHeard > {HEARD}")
    with listener.page.expect_download() as download:
        listener.page.locator("[data-download]").click()
    wav = parse_wav(Path(download.value.path()).read_bytes())
    assert np.abs(wav.samples).max() > HEARD * 32_768

    assert speaker.faults == admin.faults == listener.faults == []


def wait_for_steps(visitor: Visitor, count: int = 2) -> None:
    """Until sockets have brought `count` steps since the visitor forgot the last ones."""
    for _ in range(600):
        if len(visitor.steps()) >= count:
            return
        visitor.page.wait_for_timeout(100)  # which also lets Playwright hand over what came
    raise AssertionError(f"No {count} steps came over the socket: {visitor.events[-3:]}")


@pytest.mark.skipif(sys.platform != "linux", reason="finds Redis through /proc")
def test_training_goes_on_while_redis_is_away_and_the_page_catches_up(
    house: Studio, chromium: Browsers, tmp_path: Path
) -> None:
    corpus = sounds.write_corpus(tmp_path / "corpus", sounds.SENTENCES[:4])
    house.manage("import_clips", str(corpus), "--speaker", "haneul", "--consent", "동의합니다.")
    admin = Visitor(chromium.shared(), house.address)
    admin.enter(house.sign_in_link("dana", admin=True))
    run = rooms.start_run(admin.page, "haneul", steps=20_000)
    wait_for_steps(admin)
    admin.page.evaluate("window.notReloaded = true")

    redis = house.pid("redis")
    os.kill(redis, signal.SIGSTOP)
    try:
        before = step_of(admin, run)
        admin.page.wait_for_timeout(AWAY_SECONDS * 1000)
        meanwhile = step_of(admin, run)
    finally:
        os.kill(redis, signal.SIGCONT)
    assert meanwhile > before
    until_page_shows(admin, meanwhile)

    os.kill(redis, signal.SIGKILL)  # `up` starts another one; every connection to this one is lost
    wait_until(lambda: house.family().get("redis", [redis]) != [redis], "another Redis")
    until_page_shows(admin, step_of(admin, run) + 1)

    assert admin.page.evaluate("window.notReloaded")
    numbers = {event["seq"] for event in admin.events}
    assert numbers == set(range(min(numbers), max(numbers) + 1))
    admin.page.get_by_role("button", name="저장하고 멈추기").click()
    expect(admin.page.locator("[data-state-badge]")).to_have_text("멈췄어요", timeout=60_000)
    assert not [fault for fault in admin.faults if "WebSocket" not in fault]


def step_of(visitor: Visitor, run: str) -> int:
    """The step that the database knows."""
    answer = visitor.context.request.get(f"{run}events?after=0")
    step: int = answer.json()["run"]["step"]
    return step


def until_page_shows(visitor: Visitor, step: int) -> None:
    """Until the page in front of the visitor shows `step` or a later one."""
    shown = "step => Number(document.querySelector('[data-part=acoustic] [data-done]').textContent.replace(/\\D/g, ''))"
    visitor.page.wait_for_function(f"{shown} >= step", arg=step, timeout=90_000)
