"""What a speaker does before the first take, in a real Chromium: agree, look at the microphone, listen to the room."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.e2e import record_room as room
from tests.e2e.rooms import ATTEMPTS
from tests.studio.sounds import take

pytestmark = pytest.mark.e2e

SENTENCES = ["첫째 문장을 소리 내어 읽습니다."]
RATE = 44_100
# Somebody who goes on reading for as long as a statement takes, then rests.
READER = np.concatenate([take(seconds=14.0, rate=RATE, quiet=1.0, seed=1), take(seconds=1.0, rate=RATE, peak_dbfs=-90)])
INVITE = """
from django.urls import reverse; from studio import services
speaker = services.speaker_create(label={name!r}, name={name!r})
print(reverse('studio:enter', args=[services.speaker_invite(speaker=speaker)]))
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[room.WebServer]:
    with room.web_server(tmp_path_factory.mktemp("before") / "data", SENTENCES, []) as server:
        yield server


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chrome(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    flags = room.microphone(tmp_path_factory.mktemp("microphone") / "reader.wav", READER)
    browser = room.chromium(playwright, *flags, "--host-resolver-rules=MAP studio.test 127.0.0.1")
    yield browser
    browser.close()


def come(browser: Browser, web: room.WebServer, name: str, host: str = "127.0.0.1") -> Page:
    """Somebody new, who has followed the invitation to the page of consent."""
    page = browser.new_context(locale="ko-KR").new_page()
    page.set_default_timeout(20_000)
    page.goto(web.address.replace("127.0.0.1", host) + web.python(INVITE.format(name=name)))
    page.click("main button")
    page.wait_for_selector("consent-statement[data-prepared]")
    return page


def speak(page: Page, seconds: float) -> None:
    """Open the microphone if need be, and record for so long; again where a busy machine starved the recording."""
    station = page.locator("consent-statement")
    if station.get_attribute("data-state") == "off":
        page.get_by_role("button", name="마이크 켜기").click()
    for _attempt in range(ATTEMPTS):
        expect(station).to_have_attribute("data-state", re.compile("ready|review"))
        page.locator("[data-do=main]").click()
        expect(station).to_have_attribute("data-state", "recording")
        page.wait_for_timeout(seconds * 1000)
        if station.get_attribute("data-state") == "recording":
            page.locator("[data-do=main]").click()
            expect(station).to_have_attribute("data-state", re.compile("ready|review"))
        if station.get_attribute("data-state") == "review":
            return
    raise AssertionError(page.locator("[data-part=notice]").inner_text())


def test_a_speaker_says_the_statement_hears_it_and_is_let_in(chrome: Browser, web: room.WebServer) -> None:
    page = come(chrome, web, "sora")
    agree = page.get_by_role("button", name="이 말로 동의하고 시작하기")
    expect(agree).to_be_disabled()
    speak(page, 13)
    page.get_by_role("button", name="듣기", exact=True).click()
    expect(page.locator("[data-do=listen]")).to_have_text("그만 듣기")
    agree.click()
    page.wait_for_url(re.compile("/record/$"))
    page.goto(f"{web.address}/record/consent/")
    expect(page.locator(".consent-given")).to_contain_text("말로 동의")
    seconds = page.evaluate(
        """() => new Promise((done) => {
          const audio = document.querySelector(".consent-given audio");
          audio.addEventListener("loadedmetadata", () => done(audio.duration));
          audio.load();
        })"""
    )
    assert 13 < seconds < 15


def test_a_statement_that_breaks_off_is_refused_and_can_be_said_again(chrome: Browser, web: room.WebServer) -> None:
    page = come(chrome, web, "hana")
    speak(page, 3)
    page.get_by_role("button", name="이 말로 동의하고 시작하기").click()
    expect(page.locator("[data-part=notice]")).to_contain_text("끝까지 읽어 주세요")
    expect(page.locator("consent-statement")).to_have_attribute("data-state", "ready")
    assert page.request.get(f"{web.address}/record/").url.endswith("/record/consent/")


def test_a_statement_is_not_lost_when_the_server_is_away(chrome: Browser, web: room.WebServer) -> None:
    page = come(chrome, web, "duri")
    speak(page, 13)
    web.stop()
    agree = page.get_by_role("button", name="이 말로 동의하고 시작하기")
    agree.click()
    expect(page.locator("[data-part=notice]")).to_contain_text("서버에 닿지 않아요")
    web.start()
    agree.click()
    page.wait_for_url(re.compile("/record/$"))


def test_who_has_no_microphone_is_told_what_to_do(playwright: Playwright, web: room.WebServer) -> None:
    browser = room.chromium(playwright, "--use-fake-ui-for-media-stream")
    page = come(browser, web, "noel")
    page.get_by_role("button", name="마이크 켜기").click()
    expect(page.locator("[data-part=notice]")).to_contain_text("마이크를 찾을 수 없어요")
    page.get_by_text("마이크가 없거나 안 되나요?").click()
    expect(page.get_by_text("새 초대 링크를 부탁해")).to_be_visible()
    browser.close()
