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

pytestmark = [pytest.mark.e2e, pytest.mark.realtime]

SENTENCES = [f"{number} 문장을 소리 내어 읽습니다." for number in ("첫째", "둘째", "셋째", "넷째", "다섯째")]
SPEAKERS = ("by-finger", "by-key", "by-mouse", "back", "other-keys")


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


def test_an_earlier_sentence_is_found_in_the_list_and_another_take_of_it_chosen(
    chrome: Browser, web: room.WebServer
) -> None:
    older, newer = web.record("back", 1, takes=2)
    page = look(chrome, web, "back")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-part=prompt]")).not_to_have_text(SENTENCES[1])
    page.keyboard.press("f")
    rows = page.locator(".list-row")
    expect(rows).to_have_count(len(SENTENCES))
    page.get_by_label("보일 문장").select_option("recorded")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("녹음 2개")
    page.get_by_label("보일 문장").select_option("all")
    expect(rows).to_have_count(len(SENTENCES))
    page.get_by_label("낱말이나 번호로 찾기").fill("둘째")
    expect(rows).to_have_count(1)
    rows.click()
    expect(page.locator("[data-part=prompt]")).to_have_text(SENTENCES[1])
    page.get_by_text("이 문장의 녹음").click()
    takes = page.locator(".take-row")
    expect(takes).to_have_count(2)
    expect(takes.first.get_by_text("고름")).to_be_visible()
    takes.last.get_by_role("button", name="이걸로").click()
    expect(takes.last.get_by_text("고름")).to_be_visible()
    takes.last.get_by_role("button", name="메모").click()
    page.get_by_role("textbox", name="이 녹음의 메모").fill("sr 목이 잠겼을 때")
    page.get_by_role("button", name="메모 남기기").click()
    expect(takes.last).to_contain_text("sr 목이 잠겼을 때")
    takes.first.get_by_role("button", name="빼기").click()
    expect(takes).to_have_count(1)
    page.keyboard.press("z")
    expect(takes).to_have_count(2)
    kept = web.python(
        "from studio.models import Clip; print(*Clip.objects.filter(speaker__name='back', kept=True).values_list('pk'))"
    )
    assert older in kept and newer not in kept
    page.reload()
    page.get_by_text("이 문장의 녹음").click()
    expect(takes.last).to_contain_text("sr 목이 잠겼을 때")


def test_a_key_is_changed_refused_where_another_has_it_and_sleeps_in_text_fields(
    chrome: Browser, web: room.WebServer
) -> None:
    web.record("other-keys", 0)
    page = look(chrome, web, "other-keys")
    listen, heard = page.locator("[data-do=listen] kbd"), page.locator("[data-part=listen-label]")
    expect(listen).to_have_text("L")
    page.get_by_role("button", name="단축키").click()
    page.get_by_role("button", name="‘듣기’ 키 바꾸기").click()
    page.keyboard.press("r")
    expect(page.locator("[data-part=keys-say]")).to_have_text("R 키는 이미 ‘다시’에 쓰고 있어요.")
    page.get_by_role("button", name="‘듣기’ 키 바꾸기").click()
    page.keyboard.press("p")
    expect(listen).to_have_text("P")
    page.keyboard.press("Escape")
    page.reload()
    page.wait_for_selector("clip-recorder[data-prepared]")
    expect(listen).to_have_text("P")
    page.keyboard.press("l")
    expect(heard).to_have_text("듣기")
    page.keyboard.press("f")
    page.get_by_label("낱말이나 번호로 찾기").press_sequentially("sp")
    expect(page.locator("[data-part=skip-dialog]")).to_be_hidden()
    expect(heard).to_have_text("듣기")
    page.keyboard.press("Escape")  # empties the field
    page.keyboard.press("Escape")
    expect(page.locator("[data-part=list-dialog]")).to_be_hidden()
    page.keyboard.press("p")
    expect(heard).to_have_text("그만 듣기")
    page.get_by_role("button", name="단축키").click()
    page.get_by_role("button", name="처음 키로 되돌리기").click()
    expect(listen).to_have_text("L")
