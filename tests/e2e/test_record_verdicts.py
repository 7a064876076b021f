"""Every verdict in a real Chromium, whose microphone hears what is wrong: the page says it first, then the server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.e2e import record_room as room
from tests.studio.sounds import take

pytestmark = [pytest.mark.e2e, pytest.mark.realtime]

RATE = 44_100
ROOM_SECONDS = 40.0  # longer than anyone records here: the file plays once
SPEECH_FROM = 4.0  # seconds after the microphone was opened
SENTENCES = [f"오늘은 {number} 문장을 천천히 소리 내어 읽습니다." for number in "일이삼사오육칠팔구십"] + [
    "내일은 다른 문장을 천천히 소리 내어 읽습니다."
]


def heard(
    *, begins: float = SPEECH_FROM, speech: float = 2.0, peak_dbfs: float = -6.0, floor_dbfs: float = -72.0
) -> npt.NDArray[np.float64]:
    """[S] in -1..1: a room, and a voice in it from `begins` on, for `speech` seconds."""
    generator = np.random.default_rng(1)
    wave = 10 ** (floor_dbfs / 20) * generator.standard_normal(round(ROOM_SECONDS * RATE))
    voice = take(speech, RATE, peak_dbfs=peak_dbfs, floor_dbfs=-200.0, quiet=0.0) / 32_768
    wave[round(begins * RATE) :][: len(voice)] += voice
    return wave


def hum(dbfs: float) -> npt.NDArray[np.float64]:
    time = np.arange(round(ROOM_SECONDS * RATE)) / RATE
    lines = sum(np.sin(2 * np.pi * 60 * number * time) / number for number in (1, 2, 3, 5))
    return lines / np.sqrt(np.mean(np.square(lines))) * 10 ** (dbfs / 20)


@dataclass(frozen=True)
class Scene:
    """What the microphone hears, how long one records, and what must be said of it."""

    wave: Callable[[], npt.NDArray[np.float64]]  # made by who plays it, and not by each process that collects tests
    codes: set[str]
    look: str  # of the verdict: good, warn, bad
    seconds: float = SPEECH_FROM + 3.5


SCENES = {
    "good": Scene(heard, set(), "good"),
    "clipped": Scene(lambda: 4 * heard(floor_dbfs=-84.0), {"clipped"}, "bad"),
    "hiss-15-db": Scene(lambda: heard(floor_dbfs=-29.0), {"noisy", "noisy_room"}, "bad"),
    "minus-45-dbfs": Scene(lambda: heard(peak_dbfs=-45.0, floor_dbfs=-92.0), {"too_quiet"}, "bad"),
    "hum": Scene(lambda: heard() + hum(-54.0), {"noisy_room"}, "warn"),
    "early": Scene(lambda: heard(begins=0.0, speech=9.0), {"edge_start"}, "bad", seconds=10.5),
}
SPEAKERS = (*SCENES, "silence", "hasty", "left", "right")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[room.WebServer]:
    with room.web_server(tmp_path_factory.mktemp("verdicts") / "data", SENTENCES, SPEAKERS) as server:
        yield server


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


def hears(playwright: Playwright, folder: Path, wave: npt.NDArray[np.float64]) -> Browser:
    samples = np.clip(np.rint(wave * 32_768), -32_768, 32_767).astype(np.int16)
    return room.chromium(playwright, *room.microphone(folder / "scene.wav", samples, once=True))


def sit_down(browser: Browser, web: room.WebServer, name: str) -> Page:
    page = room.enter(browser.new_context(locale="ko-KR"), web.link(name))
    page.set_default_timeout(30_000)
    # Everything that the verdict says, in its order: who said it, and the codes.
    page.add_init_script(
        """addEventListener("DOMContentLoaded", () => {
          window.said = [];
          const card = document.querySelector("[data-part=verdict]");
          const note = () => {
            const codes = [...card.querySelectorAll("[data-code]")].map((each) => each.dataset.code);
            if (!card.hidden) window.said.push([card.dataset.by, ...codes]);
          };
          new MutationObserver(note).observe(card, { attributes: true, childList: true, subtree: true });
        });"""
    )
    return page


def record_scene(page: Page, seconds: float) -> None:
    """One take from the microphone's first moment on; anew where this computer was too busy for it."""
    for _attempt in range(4):
        page.reload()
        page.wait_for_selector("clip-recorder[data-prepared]")
        room.open_microphone(page)
        if not room.begin(page):
            continue
        page.wait_for_timeout(1000 * seconds)
        if page.get_attribute("clip-recorder", "data-state") == "recording":
            page.keyboard.press("Space")
        page.wait_for_selector("clip-recorder:is([data-state=review], [data-state=ready])")
        if not page.locator(":is([data-code=late], [data-code=gap], [data-code=dropout])").count():
            return
    raise AssertionError("the computer was too busy each time")


@pytest.mark.parametrize("name", SCENES)
def test_what_is_wrong_is_said_by_the_page_and_then_by_the_server(
    name: str, playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    scene = SCENES[name]
    browser = hears(playwright, tmp_path, scene.wave())
    page = sit_down(browser, web, name)
    record_scene(page, scene.seconds)
    verdict = page.locator("[data-part=verdict]")
    expect(verdict).to_have_attribute("data-by", "server")
    expect(verdict).to_have_class(f"verdict {scene.look}")
    expect(page.locator("[data-part=verdict-first]")).to_be_hidden()
    said = page.evaluate("window.said")
    first = [set(codes) for by, *codes in said if by == "browser"]
    last = [set(codes) for by, *codes in said if by == "server"]
    assert first[-1] == last[-1] == scene.codes
    assert said.index(next(each for each in said if each[0] == "browser")) == 0
    for advice in page.locator("[data-part=verdict-reasons] .soft").all():
        assert re.search("[가-힣]", advice.inner_text())
    browser.close()


def test_a_microphone_that_sends_digital_silence_is_not_opened(
    playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    browser = hears(playwright, tmp_path, np.zeros(round(ROOM_SECONDS * RATE)))
    page = sit_down(browser, web, "silence")
    page.keyboard.press("Space")
    expect(page.locator("[data-part=notice]")).to_contain_text("소리가 들어오지 않아요", timeout=30_000)
    browser.close()


def test_who_reads_much_faster_than_usual_is_told_so(
    playwright: Playwright, web: room.WebServer, tmp_path: Path
) -> None:
    web.record("hasty", 0, prompts=10, seconds=4.8)
    browser = hears(playwright, tmp_path, heard(speech=1.6))
    page = sit_down(browser, web, "hasty")
    page.keyboard.press("f")
    page.get_by_label("낱말이나 번호로 찾기").fill("내일은")
    rows = page.locator(".list-row")
    expect(rows).to_have_count(1)
    rows.click()
    expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[-1])
    record_scene(page, SPEECH_FROM + 3.0)
    verdict = page.locator("[data-part=verdict]")
    expect(verdict).to_have_attribute("data-by", "server")
    expect(page.locator("[data-code=fast]")).to_contain_text("평소보다")
    expect(verdict).to_have_class("verdict warn")
    browser.close()


def test_the_positions_of_two_speakers_never_touch(playwright: Playwright, web: room.WebServer) -> None:
    browser = room.chromium(playwright)
    left, right = sit_down(browser, web, "left"), sit_down(browser, web, "right")
    (clip,) = web.record("left", 0)

    def at(page: Page, place: int) -> None:
        expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[place])

    for step in (1, 2, 3):
        left.keyboard.press("ArrowRight")
        at(left, step)
        right.reload()
        at(right, 0)
    right.keyboard.press("s")
    right.get_by_role("button", name="그냥 나중에").click()
    at(right, 1)
    left.reload()
    at(left, 3)
    right.keyboard.press("f")
    right.locator(".list-row").nth(7).click()
    at(right, 7)
    left.keyboard.press("ArrowLeft")
    at(left, 2)
    expect(right.locator("[data-part=takes]")).to_be_hidden()
    assert right.request.get(f"{web.address}/clips/{clip}.wav").status == 404
    for page, place in ((left, 2), (right, 7)):
        page.reload()
        at(page, place)
    browser.close()
