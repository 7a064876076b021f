"""The recording room in a real Chromium: what is recorded, what is refused, and that nothing is lost."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from speech.wav import parse_wav
from tests.e2e import record_room as room
from tests.e2e.browser import chromium as chromium_path
from tests.studio.sounds import take

pytestmark = [pytest.mark.e2e, pytest.mark.realtime]

NUMBERS = ("첫째", "둘째", "셋째", "넷째", "다섯째", "여섯째", "일곱째")
SENTENCES = [f"{number} 문장을 소리 내어 읽습니다." for number in NUMBERS]
SPEAKERS = (
    "chair-one",
    "chair-two",
    "delayed",
    "denied",
    "fidelity",
    "focused",
    "full",
    "gated",
    "hands",
    "hissing",
    "halted",
    "insecure",
    "keeping",
    "keys",
    "laptop",
    "loud",
    "none",
    "offline",
    "one",
    "patient",
    "pointer",
    "processed",
    "suspended",
    "tab-one",
    "tab-two",
    "two",
    "withdrawn",
)
# Two different sentences with a pause between them, over and over.
SOURCE = np.concatenate([take(seconds=3.0, rate=44_100, quiet=0.7, seed=seed) for seed in (1, 2)])


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[room.WebServer]:
    with room.web_server(tmp_path_factory.mktemp("record") / "data", SENTENCES, SPEAKERS) as server:
        yield server


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chrome(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    flags = room.microphone(tmp_path_factory.mktemp("microphone") / "voice.wav", SOURCE)
    browser = room.chromium(playwright, *flags, "--host-resolver-rules=MAP studio.test 127.0.0.1")
    yield browser
    browser.close()


def sit_down(browser: Browser, web: room.WebServer, name: str) -> Page:
    context = browser.new_context(locale="ko-KR")
    page = room.enter(context, web.link(name))
    page.set_default_timeout(20_000)
    return page


def record_slowly(page: Page, press: Callable[[], None] | None = None) -> None:
    """One sentence of somebody who pauses for long."""

    def pause() -> None:
        room.wait_for_speech(page)

    room.record(page, pause, press, ready=pause)


def test_the_stored_take_is_what_the_microphone_heard(chrome: Browser, web: room.WebServer) -> None:
    page = sit_down(chrome, web, "fidelity")
    room.open_microphone(page)
    room.record(page, 1500)
    expect(page.locator("[data-part=verdict-words]")).not_to_be_empty()
    (clip,) = web.clips("fidelity")
    assert clip.prompt == 0
    data = (web.data / "files" / clip.file).read_bytes()
    assert hashlib.sha256(data).hexdigest() == clip.sha256
    wav = parse_wav(data)
    assert wav.sample_rate == 44_100 and wav.seconds > 2
    assert room.signal_to_error(wav.samples, SOURCE) >= 40


def test_a_person_goes_through_the_prompts_by_keyboard_alone(chrome: Browser, web: room.WebServer) -> None:
    page = sit_down(chrome, web, "keys")
    room.open_microphone(page)
    assert room.prompt_of(page) == SENTENCES[0]
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[1])
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[0])
    page.keyboard.press("s")
    page.get_by_role("button", name="읽기 어려워요").click()
    expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[1])
    room.record(page)
    room.record(page, 900, lambda: page.keyboard.press("r"))
    expect(page.locator("[data-part=takes-count]")).to_have_text("2")
    page.keyboard.press("l")
    expect(page.locator("[data-part=listen-label]")).to_have_text("그만 듣기")
    expect(page.locator("[data-part=listen-label]")).to_have_text("듣기")
    page.reload()
    expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[1])
    expect(page.locator("[data-part=takes-count]")).to_have_text("2")
    assert [clip.prompt for clip in web.clips("keys")] == [1, 1]


def test_the_keyboard_is_not_lost_with_a_button_that_rests(chrome: Browser, web: room.WebServer) -> None:
    page = sit_down(chrome, web, "focused")
    record = page.locator("[data-do=record]")
    record.focus()
    room.open_microphone(page)
    expect(record).to_be_focused()
    room.record(page)
    expect(record).to_be_focused()
    page.locator("[data-do=keep]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[1])
    expect(page.locator("[data-part=stage]")).to_be_focused()
    room.record(page)
    expect(page.locator("[data-part=takes-count]")).to_have_text("1")
    assert room.prompt_of(page) == SENTENCES[1]


def test_a_laptop_shows_the_verdict_and_the_buttons_at_once(chrome: Browser, web: room.WebServer) -> None:
    page = sit_down(chrome, web, "laptop")
    page.set_viewport_size({"width": 1366, "height": 650})
    room.open_microphone(page)
    room.record(page)
    expect(page.locator("[data-part=verdict]")).to_have_class("verdict good")
    for part in ("[data-part=prompt]", "[data-part=verdict-words]", "[data-do=record]", "[data-do=keep]"):
        uncovered = """(node) => {
          const { left, right, top, bottom } = node.getBoundingClientRect();
          const foremost = document.elementFromPoint((left + right) / 2, bottom - 1); // null outside of the window
          return node.contains(foremost) && top >= 0;
        }"""
        assert page.locator(part).evaluate(uncovered), part


def test_it_all_works_by_pointer_too_and_afterwards_keys_mean_the_room_again(
    playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    browser = room.chromium(playwright, *room.microphone(tmp_path / "slow.wav", take(6.0, 44_100, quiet=2.5)))
    page = sit_down(browser, web, "pointer")
    record = page.locator("[data-do=record]")
    record.click()
    page.wait_for_selector("clip-recorder[data-state=ready]")
    record_slowly(page, record.click)
    expect(page.locator("[data-part=verdict]")).to_have_class("verdict good")
    page.locator("[data-do=listen]").click()
    record_slowly(page)
    expect(page.locator("[data-part=verdict]")).to_have_class("verdict good")
    page.get_by_text("이 문장의 녹음").click()
    rows = page.locator(".take-row")
    expect(rows.first.get_by_text("고름")).to_be_visible()
    rows.last.get_by_role("button", name="이걸로").click()
    expect(rows.last.get_by_text("고름")).to_be_visible()
    rows.last.get_by_role("button", name="빼기").click()
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="되돌리기").click()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="좋아요, 다음").click()
    expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[1])
    expect(page.locator("[data-part=done]")).to_have_text("1")
    expect(page.locator("[data-part=sounds]")).to_have_text(re.compile(r"소리 [1-9]% · 앞으로 1분이면 넉넉해요"))
    browser.close()


def test_five_takes_survive_an_outage_a_killed_page_and_arrive_once(
    playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    flags = [*room.FLAGS, *room.microphone(tmp_path / "voice.wav", SOURCE)]
    profile = tmp_path / "profile"

    def browser() -> object:
        return playwright.chromium.launch_persistent_context(
            str(profile), executable_path=chromium_path(), args=flags, locale="ko-KR"
        )

    context = browser()
    page = room.enter(context, web.link("offline"))  # type: ignore[arg-type]
    room.open_microphone(page)
    web.stop()
    for number in range(5):
        assert room.prompt_of(page) == SENTENCES[number]
        room.record(page, 700)
        expect(page.locator("[data-part=unsent]")).to_have_attribute("data-count", str(number + 1))
        page.keyboard.press("Enter")
        expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[number + 1])
    hashes = page.evaluate(
        """async () => {
          const database = await new Promise((done) => {
            const opening = indexedDB.open("moksori");
            opening.onsuccess = () => done(opening.result);
          });
          const all = database.transaction("takes").objectStore("takes").getAll();
          const rows = await new Promise((done) => { all.onsuccess = () => done(all.result); });
          database.close();
          return rows.map((row) => [row.id, row.sha256]);
        }"""
    )
    assert len(hashes) == 5
    page.close(run_before_unload=False)
    context.close()  # type: ignore[attr-defined]
    web.start()
    context = browser()
    page = context.new_page()  # type: ignore[attr-defined]
    page.goto(f"{web.address}/record/")
    expect(page.locator("[data-part=unsent]")).to_have_attribute("data-count", "0", timeout=30_000)
    clips = web.clips("offline")
    assert sorted([clip.id, clip.sha256] for clip in clips) == sorted(hashes)
    assert [clip.prompt for clip in clips] == [0, 1, 2, 3, 4]
    for clip in clips:
        data = (web.data / "files" / clip.file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == clip.sha256
        assert room.signal_to_error(parse_wav(data).samples, SOURCE) >= 40
    context.close()  # type: ignore[attr-defined]


def test_the_server_coming_back_is_noticed_without_a_reload(chrome: Browser, web: room.WebServer) -> None:
    page = sit_down(chrome, web, "patient")
    room.open_microphone(page)
    web.stop()
    room.record(page)
    expect(page.locator("[data-part=verdict-words]")).to_contain_text("이 브라우저에 안전하게")
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[1])
    web.start()
    expect(page.locator("[data-part=unsent]")).to_have_attribute("data-count", "0", timeout=30_000)
    expect(page.locator("[data-part=number]")).to_have_text("2번째 문장")  # which only the server knows
    assert [clip.prompt for clip in web.clips("patient")] == [0]
    page.reload()
    expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[1])


def test_who_takes_the_chair_of_another_gets_none_of_their_takes(chrome: Browser, web: room.WebServer) -> None:
    first = sit_down(chrome, web, "chair-one")
    room.open_microphone(first)
    room.record(first)
    expect(first.locator("[data-part=unsent]")).to_have_attribute("data-count", "0")
    second = room.enter(first.context, web.link("chair-two"))  # in another tab, and the first one stays open
    room.record(first)
    expect(first.locator("[data-part=unsent-problem]")).to_contain_text("다른 사람이 들어와 있어요")
    room.open_microphone(second)
    room.record(second)
    expect(second.locator("[data-part=unsent]")).to_have_attribute("data-count", "0")
    assert (len(web.clips("chair-one")), len(web.clips("chair-two"))) == (1, 1)
    second.close()
    web.invite_again("chair-one")
    back = room.enter(first.context, web.link("chair-one"))
    expect(back.locator("[data-part=unsent]")).to_have_attribute("data-count", "0", timeout=30_000)
    assert (len(web.clips("chair-one")), len(web.clips("chair-two"))) == (2, 1)


def test_who_sits_down_in_the_same_tab_records_as_well(chrome: Browser, web: room.WebServer) -> None:
    first = sit_down(chrome, web, "tab-one")
    room.open_microphone(first)
    room.record(first)
    first.goto(web.link("tab-two"))
    first.click("main button")
    first.wait_for_selector("clip-recorder[data-prepared]")
    room.open_microphone(first)
    room.record(first)
    expect(first.locator("[data-part=unsent]")).to_have_attribute("data-count", "0")
    assert (len(web.clips("tab-one")), len(web.clips("tab-two"))) == (1, 1)


def test_a_browser_without_room_sends_its_takes_all_the_same(chrome: Browser, web: room.WebServer) -> None:
    page = sit_down(chrome, web, "full")
    session = page.context.new_cdp_session(page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": web.address, "quotaSize": 1000})
    room.open_microphone(page)
    room.record(page)
    expect(page.locator("[data-part=unsent]")).to_have_attribute("data-count", "0")
    assert len(web.clips("full")) == 1
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[1])
    web.stop()
    room.record(page)
    expect(page.locator("[data-part=verdict-words]")).to_contain_text("이 탭을 닫지 마세요")
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.close(run_before_unload=True)
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    web.start()
    expect(page.locator("[data-part=unsent]")).to_have_attribute("data-count", "0", timeout=30_000)
    clips = web.clips("full")
    assert [clip.prompt for clip in clips] == [0, 1]
    for clip in clips:
        data = (web.data / "files" / clip.file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == clip.sha256


def test_a_suspended_context_voids_the_take_and_is_resumed_by_a_key(chrome: Browser, web: room.WebServer) -> None:
    page = sit_down(chrome, web, "suspended")
    room.open_microphone(page)
    room.begin_surely(page)
    page.wait_for_timeout(500)
    page.evaluate("document.querySelector('clip-recorder').microphone.context.suspend()")
    expect(page.locator("[data-part=verdict-reasons]")).to_contain_text("소리를 멈췄어요")
    expect(page.locator("[data-part=record-label]")).to_have_text("이어서 켜기")
    page.keyboard.press("Space")
    page.wait_for_selector("clip-recorder[data-state=ready]")
    room.record(page)
    assert len(web.clips("suspended")) == 1


def test_a_computer_that_halts_for_a_moment_voids_the_take(
    playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    browser = room.chromium(playwright, *room.microphone(tmp_path / "voice.wav", SOURCE))
    page = sit_down(browser, web, "halted")
    room.open_microphone(page)
    room.begin_surely(page)
    page.wait_for_timeout(500)
    with room.halted(browser):
        time.sleep(0.15)
    expect(page.locator("[data-part=verdict-reasons]")).to_contain_text("멈칫해서")
    assert web.clips("halted") == []
    page.wait_for_timeout(1000)
    room.record(page)
    (clip,) = web.clips("halted")
    assert room.signal_to_error(parse_wav((web.data / "files" / clip.file).read_bytes()).samples, SOURCE) >= 40
    browser.close()


def test_after_a_long_delay_short_ones_cost_nothing_either(
    playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    browser = room.chromium(playwright, *room.microphone(tmp_path / "voice.wav", SOURCE))
    page = sit_down(browser, web, "delayed")
    room.open_microphone(page)
    with room.halted(browser):
        time.sleep(0.3)
    page.wait_for_timeout(1000)

    def halt_shortly() -> None:
        for _ in range(3):
            page.wait_for_timeout(300)
            with room.halted(browser):
                time.sleep(0.02)
        page.wait_for_timeout(300)

    room.record(page, halt_shortly)
    clips = web.clips("delayed")
    data = (web.data / "files" / clips[0].file).read_bytes()
    assert room.signal_to_error(parse_wav(data).samples, SOURCE) >= 40
    browser.close()


def test_a_permission_that_is_withdrawn_voids_the_take_and_says_why(
    playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    flags = [flag for flag in room.microphone(tmp_path / "voice.wav", SOURCE) if "fake-ui" not in flag]
    browser = room.chromium(playwright, *flags)
    page = sit_down(browser, web, "withdrawn")
    page.context.grant_permissions(["microphone"])
    room.open_microphone(page)
    room.begin_surely(page)
    page.wait_for_timeout(500)
    page.context.clear_permissions()
    expect(page.locator("[data-part=verdict-reasons]")).to_contain_text("권한이 꺼졌어요")
    expect(page.locator("[data-part=unsent]")).to_have_attribute("data-count", "0")
    assert web.clips("withdrawn") == []
    browser.close()


def test_a_browser_that_processes_the_sound_is_refused_with_the_reason(chrome: Browser, web: room.WebServer) -> None:
    page = sit_down(chrome, web, "processed")
    # A browser that takes the constraint and does not obey it: only what it reads back tells.
    page.add_init_script(
        """const real = MediaStreamTrack.prototype.getSettings;
        MediaStreamTrack.prototype.getSettings = function () {
          return { ...real.call(this), noiseSuppression: true };
        };"""
    )
    page.reload()
    page.wait_for_selector("clip-recorder[data-prepared]")
    page.keyboard.press("Space")
    expect(page.locator("[data-part=notice]")).to_contain_text("noiseSuppression")
    assert page.get_attribute("clip-recorder", "data-state") == "off"


def test_an_address_where_browsers_forbid_microphones_is_told_so(chrome: Browser, web: room.WebServer) -> None:
    context = chrome.new_context(locale="ko-KR")
    link = web.link("insecure").replace("127.0.0.1", "studio.test")
    page = room.enter(context, link)
    page.keyboard.press("Space")
    expect(page.locator("[data-part=notice]")).to_contain_text("https://")


def test_a_denied_microphone_is_told_with_what_to_do_in_this_browser(
    playwright: Playwright, web: room.WebServer
) -> None:
    browser = room.chromium(playwright, "--deny-permission-prompts", "--use-fake-device-for-media-stream")
    page = sit_down(browser, web, "denied")
    page.keyboard.press("Space")
    expect(page.locator("[data-part=notice]")).to_contain_text("주소창")
    browser.close()


def test_a_machine_without_a_microphone_is_told_so(playwright: Playwright, web: room.WebServer) -> None:
    browser = room.chromium(playwright, "--use-fake-ui-for-media-stream")
    page = sit_down(browser, web, "none")
    page.keyboard.press("Space")
    expect(page.locator("[data-part=notice]")).to_contain_text("마이크를 찾을 수 없어요")
    browser.close()


def test_a_clipped_take_is_refused_in_words_and_stays_on_its_prompt(
    playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    loud = np.clip(SOURCE.astype(np.int32) * 4, -32_768, 32_767).astype(np.int16)
    browser = room.chromium(playwright, *room.microphone(tmp_path / "loud.wav", loud))
    page = sit_down(browser, web, "loud")
    room.open_microphone(page)
    room.record(page)
    expect(page.locator("[data-part=verdict]")).to_have_class("verdict bad")
    expect(page.locator("[data-part=verdict-reasons]")).to_contain_text("소리가 찌그러졌어요")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    assert room.prompt_of(page) == SENTENCES[0]
    browser.close()


def test_a_microphone_that_falls_silent_voids_the_take(
    playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    gated = SOURCE.copy()
    gated[2 * 44_100 :] = 0
    browser = room.chromium(playwright, *room.microphone(tmp_path / "gated.wav", gated))
    page = sit_down(browser, web, "gated")
    room.open_microphone(page)
    page.keyboard.press("Space")
    expect(page.locator("[data-part=verdict-reasons]")).to_contain_text("완전히 끊겼어요")
    assert web.clips("gated") == []
    browser.close()


def test_two_speakers_at_once_keep_their_own_places(chrome: Browser, web: room.WebServer) -> None:
    first, second = sit_down(chrome, web, "one"), sit_down(chrome, web, "two")
    first.keyboard.press("ArrowRight")
    expect(first.locator("[data-part=prompt]")).to_have_text(SENTENCES[1])
    second.reload()
    expect(second.locator("[data-part=prompt]")).to_have_text(SENTENCES[0])


def test_hands_free_takes_end_by_themselves_and_lead_on(
    playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    browser = room.chromium(playwright, *room.microphone(tmp_path / "slow.wav", take(6.0, 44_100, quiet=2.0)))
    page = sit_down(browser, web, "hands")
    room.open_microphone(page)
    page.keyboard.press("h")
    expect(page.locator("[data-do=hands-free]")).to_have_attribute("aria-pressed", "true")
    for _attempt in range(4):  # a busy computer voids takes; then a person begins again
        room.wait_for_speech(page)
        if room.begin(page):
            page.wait_for_selector("clip-recorder:not([data-state=recording])")
            page.wait_for_selector("clip-recorder:is([data-state=review], [data-state=ready], [data-state=recording])")
        if web.clips("hands"):
            break
    expect(page.locator("[data-part=prompt]")).not_to_have_text(SENTENCES[0])
    page.wait_for_selector("clip-recorder[data-state=recording]")  # the next one has begun without a key
    (clip, *_later) = web.clips("hands")
    wav = parse_wav((web.data / "files" / clip.file).read_bytes())
    assert 2.5 < wav.seconds < 10  # some room, two seconds of speech, the pause
    browser.close()


def test_hands_free_is_as_it_was_left_after_a_reload(chrome: Browser, web: room.WebServer) -> None:
    page = sit_down(chrome, web, "keeping")
    button = page.locator("[data-do=hands-free]")
    for pressed in ("true", "false"):
        page.keyboard.press("h")
        expect(button).to_have_attribute("aria-pressed", pressed)
        page.reload()
        page.wait_for_selector("clip-recorder[data-prepared]")
        expect(button).to_have_attribute("aria-pressed", pressed)


def test_hands_free_works_in_a_room_with_15_db_of_hiss_which_is_refused(
    playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    hiss = take(6.0, 44_100, quiet=2.0, floor_dbfs=-29.0)
    browser = room.chromium(playwright, *room.microphone(tmp_path / "hiss.wav", hiss))
    page = sit_down(browser, web, "hissing")
    room.open_microphone(page)
    page.wait_for_timeout(3000)  # the room is learned from the live level
    page.keyboard.press("h")
    for _attempt in range(4):
        if room.begin(page):
            page.wait_for_selector("clip-recorder:is([data-state=review], [data-state=ready])", timeout=25_000)
        if web.clips("hissing"):
            break
    expect(page.locator("[data-part=verdict]")).to_have_class("verdict bad")
    expect(page.locator("[data-part=verdict-reasons]")).to_contain_text("잡음이 말소리에 비해 커요")
    assert room.prompt_of(page) == SENTENCES[0]
    browser.close()
