"""What a person does in each room, as steps that tests and screens share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Response, expect

from tests.e2e.record_room import begin
from tests.e2e.sounds import RATE, Int16Array, spoken, write

ATTEMPTS = 3  # at one sentence: a busy machine may starve a take, which the room then throws away


@dataclass(frozen=True)
class Take:
    """A take that the server has: its answer, and what the microphone played."""

    answer: dict[str, Any]
    source: Int16Array


def invite_speaker(admin: Page, label: str, name: str) -> str:
    """The admin makes a speaker; returns the invitation link that the page shows once."""
    admin.goto("/speakers/")
    admin.locator("#id_label").fill(label)
    admin.locator("#id_name").fill(name)
    admin.get_by_role("button", name="초대 링크 만들기").click()
    admin.wait_for_url(f"**/speakers/{name}/")
    return admin.locator("copy-line input").input_value()


def give_consent(page: Page, microphone: Path) -> None:
    """The speaker agrees, on the page that the invitation leads to: the microphone says the statement."""
    page.wait_for_url("**/record/consent/")
    station = page.locator("consent-statement[data-prepared]")
    source = spoken(station.locator("[data-part=statement]").inner_text())
    write(microphone, source)
    for _attempt in range(ATTEMPTS):
        page.reload()
        station.get_by_role("button", name="마이크 켜기").click()
        expect(station).to_have_attribute("data-state", "ready")
        station.get_by_role("button", name="녹음", exact=True).click()
        page.wait_for_timeout(1000 * (len(source) / RATE - 0.5))
        if station.get_attribute("data-state") == "recording":
            station.get_by_role("button", name="멈춤").click()
        expect(station).to_have_attribute("data-state", re.compile("review|ready"))
        if station.get_attribute("data-state") == "review":
            station.get_by_role("button", name="이 말로 동의하고 시작하기").click()
            page.wait_for_url("**/record/check/")
            page.goto("/record/")
            return
    raise AssertionError(f"The statement was not taken: {station.inner_text()}")


def record_prompt(page: Page, microphone: Path) -> Take:
    """Record the prompt on the page from a microphone that speaks it, until the room takes it; then go on."""
    prompt = page.locator("clip-recorder[data-prepared] [data-part=prompt]")
    text = prompt.inner_text()
    source = spoken(text)
    write(microphone, source)
    for _attempt in range(ATTEMPTS):
        page.reload()  # a microphone that is opened anew begins its file anew; the position is the server's
        expect(prompt).to_have_text(text)
        answer = record_once(page, len(source) / RATE)
        if answer is not None and answer["verdict"]["level"] != "refused":
            page.keyboard.press("Enter")  # keep, and on to the next
            expect(prompt).not_to_have_text(text)
            return Take(answer, source)
    raise AssertionError(f"{text!r} was not taken: {page.locator('[data-part=verdict]').inner_text()}")


def record_once(page: Page, seconds: float) -> dict[str, Any] | None:
    """Open the microphone, record while it plays its `seconds`; the server's answer, or None for a void take."""
    answers: list[Response] = []

    def note(answer: Response) -> None:
        answers.append(answer)

    page.on("response", note)
    room = page.locator("clip-recorder")
    page.keyboard.press("Space")
    expect(room).to_have_attribute("data-state", re.compile("ready|review"))
    if begin(page):
        page.wait_for_timeout(1000 * (seconds - 0.5))  # the file began before the room was ready
        if room.get_attribute("data-state") == "recording":
            page.keyboard.press("Space")
        expect(room).to_have_attribute("data-state", re.compile("review|ready"))
    page.remove_listener("response", note)
    stored = [answer for answer in answers if answer.url.endswith("/clips/") and answer.ok]
    return stored[-1].json() if stored else None


def all_sent(page: Page) -> None:
    """Nothing is left in the browser that the server has not."""
    expect(page.locator("[data-part=unsent]")).to_have_attribute("data-count", "0")


def start_run(admin: Page, speaker: str, *, steps: int, vocoder: str = "", vocoder_steps: int = 0) -> str:
    """The admin starts a run of trial size; returns its path."""
    admin.goto("/train/")
    option = admin.locator("#id_speaker option", has_text=speaker)
    admin.locator("#id_speaker").select_option(option.first.get_attribute("value"))
    admin.locator("input[name=size][value=trial]").check()
    admin.locator("#id_acoustic_steps").fill(str(steps))
    admin.locator("#id_vocoder").select_option(vocoder)
    if vocoder:
        admin.locator("#id_vocoder_steps").fill(str(vocoder_steps))
    admin.get_by_role("button", name="학습 시작").click()
    admin.wait_for_url(re.compile(r"/train/[0-9a-f-]{36}/"))
    return admin.evaluate("location.pathname")


def publish(admin: Page, run_path: str, label: str, name: str) -> None:
    """The admin publishes the newest checkpoint of a run as a voice, from the run's own page."""
    admin.goto(run_path)
    admin.get_by_role("link", name="이 소리를 목소리로 공개하기").click()
    admin.locator("#id_label").fill(label)
    admin.locator("#id_name").fill(name)
    admin.get_by_role("button", name="공개하기").click()
    admin.wait_for_url(re.compile(r"/voices/$"))


def invite_listener(admin: Page, label: str) -> str:
    """The admin invites somebody to listen; returns the link."""
    admin.goto("/voices/")
    admin.locator("#invite-label").fill(label)
    admin.get_by_role("button", name="초대 링크 만들기").click()
    return admin.locator("copy-line input").first.input_value()


def speak(page: Page, voice: str, text: str) -> None:
    """A listener chooses a voice, types, and has it spoken; returns when all of it is made."""
    page.goto("/speak/")
    page.locator("#voice").select_option(label=voice)
    page.locator("#text").fill(text)
    page.locator("[data-speak]").click()
    expect(page.locator("[data-player] [data-state]")).to_have_attribute("data-value", "done", timeout=300_000)
