"""What a speaker does before the first take, in a real Chromium: agree, look at the microphone, listen to the room."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.e2e import record_room as room
from tests.e2e.rooms import ATTEMPTS
from tests.e2e.test_pages import axe
from tests.studio.sounds import take

pytestmark = [pytest.mark.e2e, pytest.mark.realtime]

SENTENCES = ["첫째 문장을 소리 내어 읽습니다."]
RATE = 44_100
SITTING = """
from studio.models import Clip, RoomTone
tone, clip = RoomTone.objects.get(speaker__name='hum'), Clip.objects.get(speaker__name='hum')
print(tone.session_id == clip.session_id, clip.measures['room_dbfs'] == tone.noise_floor_dbfs, tone.session.device)
"""
AGREE = """
from studio import services; from studio.models import Speaker
services.consent_give(speaker=Speaker.objects.get(name={name!r}), text='동의합니다.')
"""
INVITE = """
from django.urls import reverse; from studio import services
speaker = services.speaker_create(label={name!r}, name={name!r})
print(reverse('studio:enter', args=[services.speaker_invite(speaker=speaker)]))
"""


def reader() -> npt.NDArray[np.int16]:
    """Somebody who goes on reading for as long as a statement takes, then rests."""
    return np.concatenate(
        [take(seconds=14.0, rate=RATE, quiet=1.0, seed=1), take(seconds=1.0, rate=RATE, peak_dbfs=-90)]
    )


def humming() -> npt.NDArray[np.int16]:
    """A room with mains hum, in which nobody speaks."""
    time = np.arange(8 * RATE) / RATE
    hum = sum(np.sin(2 * np.pi * 60 * k * time) / k for k in (1, 2, 3, 4, 5)) * 10 ** (-52 / 20)
    hiss = 10 ** (-72 / 20) * np.random.default_rng(7).standard_normal(len(time))
    return np.rint(32_768 * (hum + hiss)).astype(np.int16)


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
    flags = room.microphone(tmp_path_factory.mktemp("microphone") / "reader.wav", reader())
    browser = room.chromium(playwright, *flags, "--host-resolver-rules=MAP studio.test 127.0.0.1")
    yield browser
    browser.close()


def come(browser: Browser, web: room.WebServer, name: str, host: str = "127.0.0.1", **options: str) -> Page:
    """Somebody new, who has followed the invitation to the page of consent."""
    page = browser.new_context(locale="ko-KR", **options).new_page()  # type: ignore[arg-type]
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
    page.wait_for_url("**/record/check/")
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


def test_all_before_the_first_take_is_done_with_the_keyboard_alone(chrome: Browser, web: room.WebServer) -> None:
    page = come(chrome, web, "kibo")
    station, focused = page.locator("consent-statement"), page.locator("button:focus")
    page.get_by_role("button", name="마이크 켜기").focus()
    page.keyboard.press("Enter")
    for _attempt in range(ATTEMPTS):
        expect(station).to_have_attribute("data-state", re.compile("ready|review"))
        expect(focused).to_have_attribute("data-do", "main")
        page.keyboard.press("Enter")
        expect(station).to_have_attribute("data-state", "recording")
        page.wait_for_timeout(13_000)
        page.keyboard.press("Enter")
        expect(station).to_have_attribute("data-state", re.compile("ready|review"))
        if station.get_attribute("data-state") == "review":
            break
    expect(focused).to_have_attribute("data-do", "main")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/record/check/")
    for address, place in (("check/", "microphone-check"), ("check/room/", "room-check")):
        page.goto(f"{web.address}/record/{address}")
        page.locator(f"{place}[data-prepared] [data-do=main]").focus()
        page.keyboard.press("Enter")
        expect(page.locator(place)).to_have_attribute("data-state", "ready")
        expect(focused).to_have_attribute("data-do", "main")


def test_a_statement_that_breaks_off_is_refused_and_can_be_said_again(chrome: Browser, web: room.WebServer) -> None:
    page = come(chrome, web, "hana")
    speak(page, 3)
    page.get_by_role("button", name="이 말로 동의하고 시작하기").click()
    expect(page.locator("[data-part=notice]")).to_contain_text("끝까지 읽어 주세요")
    expect(page.locator("consent-statement")).to_have_attribute("data-state", "ready")
    expect(page.locator("button:focus")).to_have_attribute("data-do", "main")
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
    page.wait_for_url("**/record/check/")


def test_who_has_no_microphone_is_told_what_to_do(playwright: Playwright, web: room.WebServer) -> None:
    browser = room.chromium(playwright, "--use-fake-ui-for-media-stream")
    page = come(browser, web, "noel")
    page.get_by_role("button", name="마이크 켜기").click()
    expect(page.locator("[data-part=notice]")).to_contain_text("마이크를 찾을 수 없어요")
    page.get_by_text("마이크가 없거나 안 되나요?").click()
    expect(page.get_by_text("새 초대 링크를 부탁해")).to_be_visible()
    browser.close()


def at_the_microphone(
    browser: Browser, web: room.WebServer, name: str, host: str = "127.0.0.1", **options: str
) -> Page:
    """Somebody who looks at the microphone before anything else."""
    page = come(browser, web, name, host, **options)
    page.goto(f"{web.address.replace('127.0.0.1', host)}/record/check/")
    page.wait_for_selector("microphone-check[data-prepared]")
    return page


def test_the_microphone_is_shown_in_numbers_and_heard_back(chrome: Browser, web: room.WebServer) -> None:
    page = at_the_microphone(chrome, web, "mik")
    station = page.locator("microphone-check")
    page.get_by_role("button", name="마이크 켜기").click()
    expect(station).to_have_attribute("data-state", "ready")
    expect(page.locator("[data-processing][data-value=off]")).to_have_count(3)
    expect(page.locator("[data-part=rate]")).to_have_text("44.1 kHz")
    expect(page.locator("[data-part=meter]")).to_have_attribute("data-zone", "good")
    expect(page.locator("[data-part=peak]")).to_have_text(re.compile(r"−([5-9]|1[0-2])\.\d"))
    expect(page.locator("[data-part=rms]")).to_have_text(re.compile(r"−\d+\.\d"))
    for _attempt in range(ATTEMPTS):
        page.locator("[data-do=main]").click()
        page.wait_for_timeout(2500)
        if station.get_attribute("data-state") == "recording":
            page.locator("[data-do=main]").click()
        expect(station).to_have_attribute("data-state", re.compile("review|ready"))
        if station.get_attribute("data-state") == "review":
            break
    expect(page.locator("[data-part=result]")).to_have_attribute("data-zone", "good")
    assert axe(page) == []
    expect(page.locator("[data-part=result-peak]")).to_have_text(re.compile(r"−\d+\.\d dBFS"))
    page.locator("[data-do=listen]").click()
    expect(page.locator("[data-do=listen]")).to_have_text("그만 듣기")
    expect(page.locator("[data-do=listen]")).to_have_text("듣기")


def test_another_microphone_is_chosen_from_the_list_and_remembered(chrome: Browser, web: room.WebServer) -> None:
    page = at_the_microphone(chrome, web, "list")
    page.get_by_role("button", name="마이크 켜기").click()
    device = page.locator("[data-part=device]")
    expect(device).to_be_enabled()
    other = device.locator("option").last.get_attribute("value")
    device.select_option(other)
    expect(page.locator("microphone-check")).to_have_attribute("data-state", "ready")
    expect(device).to_have_value(other or "")
    page.reload()
    page.wait_for_selector("microphone-check[data-prepared]")
    page.get_by_role("button", name="마이크 켜기").click()
    expect(device).to_have_value(other or "")


def test_a_browser_that_processes_the_sound_is_refused_and_says_which_way(chrome: Browser, web: room.WebServer) -> None:
    page = at_the_microphone(chrome, web, "proc")
    page.add_init_script(
        """const real = MediaStreamTrack.prototype.getSettings;
        MediaStreamTrack.prototype.getSettings = function () {
          return { ...real.call(this), autoGainControl: true };
        };"""
    )
    page.reload()
    page.wait_for_selector("microphone-check[data-prepared]")
    page.get_by_role("button", name="마이크 켜기").click()
    expect(page.locator("[data-part=notice]")).to_contain_text("autoGainControl")
    expect(page.locator("[data-processing=autoGainControl]")).to_have_text("켜짐")
    expect(page.locator("[data-processing=noiseSuppression]")).to_have_text("꺼짐")
    expect(page.locator("microphone-check")).to_have_attribute("data-state", "off")


def test_an_address_where_microphones_are_forbidden_says_so_before_anyone_clicks(
    chrome: Browser, web: room.WebServer
) -> None:
    page = at_the_microphone(chrome, web, "plain", "studio.test")
    expect(page.locator("[data-part=notice]")).to_contain_text("‘주의 요함’이라고 나오는 주소에서는 Chrome이")
    page.get_by_role("button", name="마이크 켜기").click()
    expect(page.locator("[data-part=notice]")).to_have_attribute("data-code", "insecure")


def test_sound_that_the_browser_halts_is_told_and_goes_on_at_a_click(chrome: Browser, web: room.WebServer) -> None:
    page = at_the_microphone(chrome, web, "halt")
    station = page.locator("microphone-check")
    page.get_by_role("button", name="마이크 켜기").click()
    expect(station).to_have_attribute("data-state", "ready")
    page.evaluate("document.querySelector('microphone-check').station.microphone.context.suspend()")
    expect(station).to_have_attribute("data-state", "suspended")
    expect(page.locator("[data-part=notice]")).to_contain_text("Chrome이 소리를 멈췄어요")
    page.get_by_role("button", name="이어서 켜기").click()
    expect(station).to_have_attribute("data-state", "ready")
    expect(page.locator("[data-part=notice]")).to_be_hidden()


AGENTS = {
    "chrome": ("주소창 왼쪽의 사이트 정보", {}),
    "firefox": ("주소창의 마이크 아이콘", {"user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Firefox/132.0"}),
    "safari": ("Safari → 설정 → 웹사이트", {"user_agent": "Mozilla/5.0 (Macintosh) Version/18.1 Safari/605.1.15"}),
}


@pytest.mark.parametrize("browser_name", AGENTS)
def test_a_permission_that_is_denied_is_told_in_the_words_of_the_browser(
    browser_name: str, playwright: Playwright, web: room.WebServer
) -> None:
    words, options = AGENTS[browser_name]
    browser = room.chromium(playwright, "--deny-permission-prompts", "--use-fake-device-for-media-stream")
    page = at_the_microphone(browser, web, f"denied-{browser_name}", **options)
    page.get_by_role("button", name="마이크 켜기").click()
    expect(page.locator("[data-part=notice]")).to_contain_text(words)
    browser.close()


def test_a_machine_without_a_microphone_says_where_chrome_lists_them(
    playwright: Playwright, web: room.WebServer
) -> None:
    browser = room.chromium(playwright, "--use-fake-ui-for-media-stream")
    page = at_the_microphone(browser, web, "nomic")
    page.get_by_role("button", name="마이크 켜기").click()
    expect(page.locator("[data-part=notice]")).to_contain_text("chrome://settings/content/microphone")
    browser.close()


def in_the_room(browser: Browser, web: room.WebServer, name: str) -> Page:
    """Somebody who has agreed, at the page that listens to the room, with the microphone open."""
    page = come(browser, web, name)
    web.python(AGREE.format(name=name))
    page.goto(f"{web.address}/record/check/room/")
    page.wait_for_selector("room-check[data-prepared]")
    page.get_by_role("button", name="마이크 켜기").click()
    expect(page.locator("room-check")).to_have_attribute("data-state", "ready")
    return page


def measure(page: Page, outcome: str) -> None:
    """Five seconds, again where a busy machine starved them, until `outcome` is to be seen."""
    for _attempt in range(ATTEMPTS):
        page.locator("[data-do=main]").click()
        expect(page.locator("room-check")).to_have_attribute("data-state", "recording")
        expect(page.locator("room-check")).to_have_attribute("data-state", re.compile("ready|review"), timeout=30_000)
        if page.locator(outcome).is_visible():
            return
    raise AssertionError(page.locator("[data-part=notice]").inner_text())


def test_a_room_that_hums_is_told_so_and_stays_with_the_sitting(
    playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    browser = room.chromium(playwright, *room.microphone(tmp_path / "hum.wav", humming()))
    page = in_the_room(browser, web, "hum")
    measure(page, "[data-part=result]")
    expect(page.locator("[data-part=floor]")).to_have_text(re.compile(r"−5\d\.\d dBFS"))
    expect(page.locator("[data-part=causes] [data-code=hum]")).to_contain_text("60 Hz")
    expect(page.locator("[data-part=verdict]")).to_have_attribute("data-quiet", "false")
    expect(page.locator("svg.spectrum .bar.hum")).not_to_have_count(0)
    page.get_by_text("숫자로 보기").click()
    assert axe(page) == []
    expect(page.locator(".band-table tbody tr")).to_have_count(page.locator("svg.spectrum .bar").count())
    page.get_by_role("link", name="녹음하러 가기").click()
    page.wait_for_selector("clip-recorder[data-prepared]")
    room.open_microphone(page)
    room.record(page, 1500)
    assert web.python(SITTING) == "True True Fake Default Audio Input"
    browser.close()


def test_a_room_in_which_somebody_reads_is_measured_again(chrome: Browser, web: room.WebServer) -> None:
    page = in_the_room(chrome, web, "reads")
    measure(page, "[data-part=notice][data-code=room_again]")
    expect(page.locator("[data-part=notice]")).to_contain_text("가만히 있으면서 다시 재 주세요")
    expect(page.locator("[data-part=result]")).to_be_hidden()
