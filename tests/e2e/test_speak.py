"""The speaking room in a real browser: what is read, what is heard, what stays."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
import soundfile
from playwright.sync_api import Locator, Page, expect

from tests import pace
from tests.e2e.browser import NARROW, WIDE, Browsers, Visitor
from tests.studio_server import Studio

pytestmark = pytest.mark.e2e

TEXT = "기온은 12도예요. 두 번째 문장입니다. 마지막이에요!"
PREPARE = """
import tempfile
from pathlib import Path
from django.contrib.auth.models import User
from config.preparation import sign_in_address
from synthesis.services import voice_publish
from tests.synthesis.babble import store, write_acoustic

for name, label, endless in (("long", "긴 목소리", True), ("mina", "미나", False)):
    file = write_acoustic(Path(tempfile.mkdtemp()) / f"{name}.safetensors", endless=endless)
    voice_publish(acoustic=store(file), name=name, label=label)
for number in range(20):
    print(sign_in_address(User.objects.create_user(f"person-{number}", is_staff=number < 2), ADDRESS))
"""
PLAYING = "speak-room[data-playing=playing]"
DONE = "[data-state][data-value=done]"


@pytest.fixture(scope="module")
def links(house: Studio) -> list[str]:
    """Two voices are there, and people who may come in: the first two are admins, each test takes the last."""
    return house.python(f"ADDRESS = {house.address!r}\n{PREPARE}").splitlines()


@pytest.fixture
def listener(house: Studio, chromium: Browsers, links: list[str]) -> Iterator[Visitor]:
    visitor = Visitor(chromium.shared(), house.address)
    visitor.enter(links.pop())
    visitor.page.goto("/speak/")
    yield visitor
    assert visitor.faults == []
    visitor.close()


def say(visitor: Visitor, text: str = TEXT, voice: str = "mina") -> None:
    visitor.page.locator("#voice").select_option(voice)
    visitor.page.locator("#text").fill(text)
    visitor.page.keyboard.press("Control+Enter")


def hear(visitor: Visitor) -> None:
    """Until a sound has come out. (Playwright's own waiting evaluates strings, which our CSP forbids.)"""
    for _ in range(600):
        if visitor.page.evaluate("moksoriHeard") > 0.01:
            return
        visitor.page.wait_for_timeout(100)
    raise AssertionError("not a sound")


def test_a_text_is_heard_and_the_download_is_the_same_sound(listener: Visitor) -> None:
    page = listener.page
    say(listener)
    page.wait_for_selector(PLAYING)
    hear(listener)
    page.wait_for_selector(DONE)
    expect(page.locator("[data-sentences] .sentence button")).to_have_count(3)
    page.wait_for_selector("speak-room[data-playing=ended]", timeout=pace.patient(60_000))
    with page.expect_download() as download:
        page.locator("[data-download]").click()
    assert download.value.suggested_filename.startswith("mina-AI-")
    samples, rate = soundfile.read(io.BytesIO(download.value.path().read_bytes()))
    assert abs(samples).max() > 0.01
    played = page.evaluate("document.querySelector('speak-room').player.seconds")
    assert len(samples) / rate == pytest.approx(played, abs=0.01)


def test_sentences_are_heard_without_a_gap(listener: Visitor) -> None:
    page = listener.page
    say(listener)
    page.wait_for_selector(DONE)
    gap = page.evaluate(
        """async () => {
          const player = document.querySelector("speak-room").player;
          const ends = [];
          const over = (resolve) => player.addEventListener("change", () => player.state === "ended" && resolve());
          const start = AudioBufferSourceNode.prototype.start;
          AudioBufferSourceNode.prototype.start = function (when, offset) {
            ends.push([when, when + this.buffer.duration - offset]);
            return start.call(this, when, offset);
          };
          await player.play(0);
          await new Promise(over);
          AudioBufferSourceNode.prototype.start = start;
          return Math.max(...ends.slice(1).map(([when], index) => Math.abs(when - ends[index][1])));
        }"""
    )
    assert gap < 0.001


def test_the_first_sentence_is_heard_while_others_are_made(listener: Visitor) -> None:
    page = listener.page
    say(listener, " ".join(["이 문장은 아주 오래 걸려요."] * 5), voice="long")
    page.wait_for_selector(PLAYING, timeout=pace.patient(60_000))
    assert page.locator(".sentence.pending").count() > 0
    page.locator("[data-stop]").click()
    page.wait_for_selector("[data-state][data-value=stopped]", timeout=pace.patient(60_000))
    expect(page.locator(".sentence.pending")).to_have_count(0)
    expect(page.locator("[data-download]")).to_be_visible()


def test_a_sentence_that_ran_into_the_limit_says_so(listener: Visitor) -> None:
    say(listener, "끝이 없어요.", voice="long")
    expect(listener.page.locator(".sentence .notice.warn")).to_contain_text("잘렸을 수", timeout=pace.patient(60_000))


def test_how_it_is_read_stands_above_the_text(listener: Visitor) -> None:
    page = listener.page
    page.locator("#text").fill("기온은 12도, 같이 가요 😀")
    expect(page.locator("[data-reading] ruby")).to_have_count(1)
    expect(page.locator("[data-reading] rt")).to_have_text("십이 도")
    expect(page.locator("[data-reading] .left-out")).to_have_count(1)
    page.locator("[data-sounded]").check()
    expect(page.locator("[data-reading] rt", has_text="가치")).to_have_count(1)
    page.locator("#text").fill("")
    expect(page.locator("[data-reading]")).to_be_hidden()


def test_a_reload_shows_the_same_and_plays_it_again(listener: Visitor) -> None:
    page = listener.page
    say(listener)
    page.wait_for_selector(DONE)
    page.reload()
    expect(page.locator("#text")).to_have_value(TEXT)
    expect(page.locator("[data-sentences] .sentence button")).to_have_count(3)
    page.locator("[data-toggle]").click()
    hear(listener)


def test_a_reload_in_the_middle_follows_on(listener: Visitor) -> None:
    page = listener.page
    say(listener, " ".join(["이 문장은 아주 오래 걸려요."] * 3), voice="long")
    expect(page.locator("[data-sentences] .sentence button")).to_have_count(1, timeout=pace.patient(60_000))
    page.reload()
    page.wait_for_selector(DONE, timeout=pace.patient(120_000))
    expect(page.locator("[data-sentences] .sentence button")).to_have_count(3)
    numbers = [event["seq"] for event in listener.events]
    assert sorted(set(numbers)) == [1, 2, 3, 4, 5]


def test_the_history_opens_plays_and_forgets(listener: Visitor) -> None:
    page = listener.page
    say(listener, "처음 글이에요.")
    page.wait_for_selector(DONE)
    say(listener, "다음 글이에요.")
    expect(page.locator(".history-item")).to_have_count(2)
    page.wait_for_selector(DONE)
    page.locator(".history-item", has_text="처음").locator("[data-play]").click()
    expect(page.locator("#text")).to_have_value("처음 글이에요.")
    hear(listener)
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.locator(".history-item", has_text="처음").get_by_role("button").click()
    expect(page.locator("[data-player]")).to_be_visible()
    assert "되돌릴 수 없어요" in asked[0] and "처음 글이에요." in asked[0]
    expect(page.locator(".history-item")).to_have_count(2)
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator(".history-item", has_text="처음").get_by_role("button").click()
    expect(page.locator(".history-item")).to_have_count(1)
    expect(page.locator("[data-history-announce]")).to_have_text("지웠어요")
    expect(page.locator("[data-player]")).to_be_hidden()
    page.reload()
    expect(page.locator(".history-item")).to_have_count(1)


def test_a_text_that_was_deleted_elsewhere_says_so_beside_the_list(house: Studio, listener: Visitor) -> None:
    page = listener.page
    say(listener, "곧 지울 글이에요.")
    page.wait_for_selector(DONE)
    page.goto("/speak/")
    house.python("from synthesis.models import Utterance; Utterance.objects.filter(text='곧 지울 글이에요.').delete()")
    page.locator("a[data-play]").click()
    expect(page.locator("[data-history-error]")).to_have_text("지워진 글이에요.")
    expect(page.locator(".history-item")).to_have_count(0)
    assert len(listener.faults) == 1  # the console's own line about the 404
    listener.faults.clear()


def test_a_text_that_is_deleted_elsewhere_while_it_is_spoken_is_over(house: Studio, listener: Visitor) -> None:
    page = listener.page
    say(listener, " ".join(["이 글은 말하다가 지워요."] * 9), voice="long")
    expect(page.locator("[data-sentences] .sentence button")).not_to_have_count(0, timeout=pace.patient(60_000))
    house.python("from synthesis.models import Utterance; Utterance.objects.filter(text__contains='지워요').delete()")
    expect(page.locator("[data-error]")).to_have_text("지워진 글이에요.", timeout=pace.patient(60_000))
    expect(page.locator("[data-state]")).to_have_attribute("data-value", "stopped")
    expect(page.locator("[data-stop]")).to_be_hidden()
    expect(page.locator(".sentence.pending")).to_have_count(0)
    listener.faults.clear()  # the console's own lines about sounds that are gone


def test_a_text_whose_worker_died_says_that_it_starts_again(house: Studio, listener: Visitor) -> None:
    page = listener.page
    say(listener, "한 문장이에요. " * 20, voice="long")
    page.wait_for_selector("[data-sentences] .sentence button")
    badge = page.locator("[data-state]")
    badge.evaluate(
        "place => new MutationObserver(() => (place.dataset.said += place.textContent))"
        ".observe(place, {childList: true})"
    )
    house.python(
        "from django.db.models import F\n"
        "from synthesis.models import Utterance\n"
        "Utterance.objects.filter(state='speaking').update(attempt=F('attempt') + 1)"  # of one who renews it no more
    )
    for _ in range(600):
        if "끊겨서 다시 시작하고 있어요" in (badge.get_attribute("data-said") or ""):
            break
        page.wait_for_timeout(100)
    else:
        raise AssertionError("not a word")
    page.wait_for_selector(DONE, timeout=pace.patient(120_000))
    expect(page.locator("[data-sentences] .sentence button")).to_have_count(20)


def test_a_page_that_connects_again_to_a_deleted_text_says_so_and_stops(house: Studio, listener: Visitor) -> None:
    page = listener.page
    say(listener, " ".join(["이 글은 끊긴 사이에 지워요."] * 9), voice="long")
    expect(page.locator("[data-sentences] .sentence button")).not_to_have_count(0, timeout=pace.patient(60_000))
    page.evaluate("void (document.querySelector('speak-room').feed.connect = () => {})")
    page.evaluate("document.querySelector('speak-room').feed.socket.close()")
    house.python("from synthesis.models import Utterance; Utterance.objects.filter(text__contains='끊긴').delete()")
    page.evaluate("(feed => { delete feed.connect; feed.connectNow(); })(document.querySelector('speak-room').feed)")
    expect(page.locator("[data-error]")).to_have_text("지워진 글이에요.")
    expect(page.locator("[data-state]")).to_have_attribute("data-value", "stopped")
    assert page.evaluate("document.querySelector('speak-room').feed.ended")
    listener.faults.clear()  # the console's own lines about sounds that are gone


def test_a_page_whose_person_was_signed_out_elsewhere_says_so(house: Studio, listener: Visitor) -> None:
    page = listener.page
    say(listener, " ".join(["이 글은 나간 뒤에도 나와요."] * 9), voice="long")
    expect(page.locator("[data-sentences] .sentence button")).not_to_have_count(0, timeout=pace.patient(60_000))
    house.python("from django.contrib.sessions.models import Session; Session.objects.all().delete()")
    page.evaluate("document.querySelector('speak-room').feed.socket.close()")
    expect(page.locator("[data-state]")).to_have_text("로그인이 끊겨서 더 보여 드릴 수 없어요. 다시 들어와 주세요.")
    assert page.evaluate("document.querySelector('speak-room').feed.ended")
    listener.faults.clear()


def test_another_take_of_the_same_text_sounds_otherwise(listener: Visitor) -> None:
    page = listener.page
    say(listener, "한 문장이에요.")
    page.wait_for_selector(DONE)
    first = page.locator("[data-download]").get_attribute("href")
    page.locator("[data-again]").click()
    expect(page.locator(".history-item")).to_have_count(2)
    page.wait_for_selector(DONE)
    second = page.locator("[data-download]").get_attribute("href")
    sounds = [listener.context.request.get(str(href)).body() for href in (first, second)]
    assert sounds[0] != sounds[1]


def test_what_cannot_be_read_is_said_at_the_text(listener: Visitor) -> None:
    say(listener, "😀")
    expect(listener.page.locator("[data-text-error]")).to_contain_text("읽을 글자가 없어요")
    expect(listener.page.locator("[data-player]")).to_be_hidden()
    assert len(listener.faults) == 1  # the console's own line about the 400
    listener.faults.clear()


def test_nothing_sticks_out_of_the_page(house: Studio, chromium: Browsers, links: list[str]) -> None:
    visitor = Visitor(chromium.shared(), house.address)
    visitor.enter(links[0])
    for path in ("/speak/", "/voices/", "/voices/publish/", "/tokens/"):
        visitor.page.goto(path)
        for viewport in (WIDE, NARROW):
            visitor.page.set_viewport_size(viewport)
            assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, viewport)
    assert visitor.faults == []
    visitor.close()


def test_the_button_says_whether_a_voice_is_replaced(house: Studio, chromium: Browsers, links: list[str]) -> None:
    visitor = Visitor(chromium.shared(), house.address)
    visitor.enter(links.pop(1))
    page = visitor.page
    page.goto("/voices/publish/")
    button = page.locator("[data-publish]")
    expect(button).to_have_text("공개하기")
    page.locator("#id_replaces").select_option("‘미나 100걸음’을 이 소리로 바꾸기")
    expect(button).to_have_text("이 소리로 바꾸기")
    expect(page.locator("#id_name")).to_be_hidden()
    page.locator("#id_replaces").select_option("")
    expect(button).to_have_text("공개하기")
    assert visitor.faults == []
    visitor.close()


def test_what_was_said_is_heard_where_no_voice_is_left(house: Studio, listener: Visitor) -> None:
    page = listener.page
    say(listener, "안녕하세요.")
    expect(page.locator(DONE)).to_be_visible()
    retire = "from synthesis.models import Voice; Voice.objects.update(retired_at={})"
    house.python(retire.format("'2026-07-03T14:20Z'"))
    try:
        page.goto("/speak/")
        expect(page.locator("#text")).to_be_hidden()
        page.locator("[data-play]").first.click()
        hear(listener)
        expect(page.locator("[data-again]")).to_be_hidden()
        page.once("dialog", lambda dialog: dialog.accept())
        page.locator("[data-delete] button").first.click()
        expect(page.locator("[data-utterance]")).to_have_count(0)
    finally:
        house.python(retire.format("None"))


def word(page: Page, text: str) -> Locator:
    """A word in the preview of how the text will be read."""
    return page.locator("[data-reading-text] [data-span]", has_text=text)


def test_a_word_is_heard_as_it_was_chosen(listener: Visitor) -> None:
    page = listener.page
    page.locator("#voice").select_option("mina")
    page.locator("#text").fill("오늘은 3번 출구로 나오세요.")
    expect(word(page, "3번").locator("rt")).to_have_text("삼 번")
    page.locator("[data-span]").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    window = page.get_by_role("dialog")
    expect(window.get_by_role("button", name="삼 번")).to_be_focused()
    expect(window.locator("button[data-write]")).to_have_count(0)
    window.get_by_role("button", name="세 번").click()
    expect(window).to_be_hidden()
    expect(word(page, "3번").locator("rt")).to_have_text("세 번")
    expect(word(page, "3번")).to_be_focused()
    page.locator("[data-speak]").click()
    page.wait_for_selector(DONE)
    expect(page.locator("[data-sentences] rt")).to_have_text("세 번")
    page.reload()
    expect(word(page, "3번").locator("rt")).to_have_text("세 번")
    word(page, "3번").click()
    page.locator("button[data-undo]").click()
    expect(word(page, "3번").locator("rt")).to_have_text("삼 번")


def test_escape_leaves_a_word_as_it_is_read(listener: Visitor) -> None:
    page = listener.page
    page.locator("#text").fill("MBTI가 뭐예요?")
    word(page, "MBTI").click()
    page.get_by_role("dialog").locator("input").fill("유형")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(word(page, "MBTI").locator("rt")).to_have_text("엠비티아이")


def test_an_admin_writes_a_word_into_the_dictionary(house: Studio, chromium: Browsers, links: list[str]) -> None:
    admin = Visitor(chromium.shared(), house.address)
    admin.enter(house.sign_in_link("writer", admin=True))
    page = admin.page
    page.goto("/speak/")
    page.locator("#text").fill("BTS가 왔어요.")
    word(page, "BTS").click()
    page.get_by_role("dialog").locator("input").fill("방탄소년단")
    page.locator("button[data-write]").click()
    expect(word(page, "BTS").locator("rt")).to_have_text("방탄소년단")
    page.goto("/dictionary/")
    expect(page.locator(".entries input[name=surface]")).to_have_value("BTS")
    assert admin.faults == []
    admin.close()


def test_an_admin_mends_how_a_sentence_to_record_is_read(house: Studio, chromium: Browsers, links: list[str]) -> None:
    admin = Visitor(chromium.shared(), house.address)
    admin.enter(house.sign_in_link("mender", admin=True))
    page = admin.page
    page.goto("/prompts/")
    line = page.locator("[data-prompt]").first
    first = line.locator("[data-span]").first
    first.click()
    page.get_by_role("dialog").locator("input").fill("아무렇게나")
    page.keyboard.press("Enter")
    expect(first.locator("rt")).to_have_text("아무렇게나")
    expect(first).to_be_focused()
    page.reload()
    expect(first.locator("rt")).to_have_text("아무렇게나")
    first.click()
    page.locator("button[data-undo]").click()
    expect(first.locator("rt")).to_have_count(0)
    assert admin.faults == []
    admin.close()
