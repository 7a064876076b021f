"""Takes that are there already, in a real Chromium: where they are cut, and the way back and forth between them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.e2e import record_room as room
from tests.servers import wait_until

pytestmark = pytest.mark.e2e

SENTENCES = [f"{number} 문장을 소리 내어 읽습니다." for number in ("첫째", "둘째", "셋째", "넷째", "다섯째")]
SPEAKERS = ("by-finger", "by-key", "by-mouse")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[room.WebServer]:
    with room.web_server(tmp_path_factory.mktemp("takes") / "data", SENTENCES, SPEAKERS) as server:
        yield server


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = room.chromium(playwright)
        yield browser
        browser.close()


def look(browser: Browser, web: room.WebServer, name: str, **options: object) -> Page:
    context: BrowserContext = browser.new_context(locale="ko-KR", **options)  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    return room.enter(context, web.link(name))


def stored_trim(web: room.WebServer, clip: str) -> tuple[float | None, float | None]:
    with closing(sqlite3.connect(web.data / "moksori.sqlite3")) as database:
        query = "SELECT trim_start, trim_end FROM studio_clip WHERE id = ?"
        return database.execute(query, [clip.replace("-", "")]).fetchone()


def comes_to(web: room.WebServer, clip: str, start: float | None, end: float | None, within: float = 0.0015) -> None:
    """Until the server has these edges."""
    wanted = (start, end)
    wait_until(
        lambda: all(
            have is want if have is None or want is None else abs(have - want) <= within
            for have, want in zip(stored_trim(web, clip), wanted, strict=True)
        ),
        f"edges at {wanted}",
    )


def edge(page: Page, which: str) -> Locator:
    return page.locator(f"[data-edge={which}]")


def seconds(handle: Locator) -> float:
    return float(handle.get_attribute("aria-valuenow") or "nan")


def test_the_edges_of_a_take_are_moved_by_keyboard_saved_and_taken_back(chrome: Browser, web: room.WebServer) -> None:
    (clip,) = web.record("by-key", 0)
    page = look(chrome, web, "by-key")
    start = edge(page, "start")
    expect(start).to_have_attribute("aria-valuetext", re.compile(r"0\.2\d초"))
    before = seconds(start)
    start.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[data-part=undo]")).to_contain_text("쓸 부분을 바꿨어요.")
    assert seconds(start) == pytest.approx(before + 0.1, abs=0.0015)
    comes_to(web, clip, before + 0.1, seconds(edge(page, "end")))
    assert room.prompt_of(page) == SENTENCES[0]  # the arrows moved the edge and not the prompt
    page.reload()
    expect(edge(page, "start")).to_have_attribute("aria-valuenow", f"{before + 0.1:.3f}")
    page.locator("[data-do=trim-reset]").click()
    expect(edge(page, "start")).to_have_attribute("aria-valuenow", f"{before:.3f}")
    comes_to(web, clip, None, None)
    page.keyboard.press("z")
    expect(edge(page, "start")).to_have_attribute("aria-valuenow", f"{before + 0.1:.3f}")


def test_an_edge_is_dragged_by_the_mouse_and_stops_before_the_other(chrome: Browser, web: room.WebServer) -> None:
    (clip,) = web.record("by-mouse", 0)
    page = look(chrome, web, "by-mouse")
    end = edge(page, "end")
    end.wait_for()
    frame = page.locator("[data-part=trim]").bounding_box()
    box = end.bounding_box()
    assert frame and box
    middle, height = box["x"] + box["width"] / 2, frame["y"] + frame["height"] / 2
    page.mouse.move(middle, height)
    page.mouse.down()
    page.mouse.move(middle - frame["width"] / 4, height, steps=5)
    page.mouse.up()
    expect(page.locator("[data-part=undo]")).to_be_visible()
    comes_to(web, clip, 0.25, 1.75 - 0.5, within=0.03)
    page.mouse.move(middle - frame["width"] / 4, height)
    page.mouse.down()
    page.mouse.move(frame["x"], height, steps=5)
    page.mouse.up()
    least = seconds(edge(page, "start")) + 0.3
    expect(end).to_have_attribute("aria-valuenow", f"{least:.3f}")
    page.keyboard.press("z")
    expect(end).not_to_have_attribute("aria-valuenow", f"{least:.3f}")
    page.keyboard.press("z")
    expect(page.locator("[data-part=undo]")).to_be_hidden()
    comes_to(web, clip, None, None)


def test_an_edge_is_dragged_by_a_finger_on_a_small_screen(chrome: Browser, web: room.WebServer) -> None:
    (clip,) = web.record("by-finger", 0)
    page = look(chrome, web, "by-finger", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    start = edge(page, "start")
    start.wait_for()
    start.scroll_into_view_if_needed()
    frame, box = page.locator("[data-part=trim]").bounding_box(), start.bounding_box()
    assert frame and box and box["width"] >= 44
    x, y = box["x"] + box["width"] / 2, frame["y"] + frame["height"] / 2
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 6):
        there = {"x": x + step * frame["width"] / 50, "y": y}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [there]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator("[data-part=undo]")).to_be_visible()
    comes_to(web, clip, 0.25 + 0.2, 1.75, within=0.03)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
