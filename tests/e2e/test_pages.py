"""Every page, for everyone who may come: wide and narrow, light and dark, by eye of axe and without a fault."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from playwright.sync_api import Page, Response, expect

from tests.e2e import rooms, sounds
from tests.e2e.browser import NARROW, NARROWEST, WIDE, Browsers, Visitor
from tests.e2e.furnished import Furnished, furnish
from tests.studio_server import Studio

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not sounds.has_espeak(), reason="speaks with espeak-ng (apt-get install espeak-ng)"),
]

NOT_PAGES = {  # addresses that take a POST, answer a program, or give a file
    "studio": {
        "consent_statement", "consent_audio", "room_tone_create",
        "consent_withdraw", "record_next", "record_move", "clip_create", "clip_audio",
        "clip_discard", "clip_keep", "clip_note", "clip_trim", "record_prompts", "review_write", "clip_restore",
        "speaker_invite", "erasure_go_on", "dictionary_import",
        "dictionary_export", "dictionary_write", "dictionary_entry", "prompt_reading",
    },
    "training": {
        "run_stop", "run_resume", "run_events", "checkpoint_picture", "checkpoint_sample", "checkpoint_file",
    },
    "synthesis": {
        "history", "utterance_create", "utterance", "utterance_stop", "utterance_wav",
        "sentence_sound", "listener_invite", "voice_rename", "voice_release", "voice_retire",
        "voice_restore", "token_revoke",
        "api_read", "api_speak", "api_voices", "api_unknown", "openai_speech", "openai_unknown",
    },
}  # fmt: skip
SIGN_IN, REFUSED, GONE, MISSING = "/sign-in/", 403, 410, 404
PEOPLE = ("anonymous", "speaker", "listener", "admin")


@pytest.fixture(scope="module")
def furnished(house: Studio, tmp_path_factory: pytest.TempPathFactory) -> Furnished:
    return furnish(house, tmp_path_factory.mktemp("corpus") / "clips", texts=sounds.SENTENCES[:6], steps=5)


@pytest.fixture(scope="module")
def people(house: Studio, chromium: Browsers, furnished: Furnished) -> Iterator[dict[str, Visitor]]:
    """Everyone at a browser of their own."""
    # Without motion: a colour on its way from light to dark has no contrast to speak of.
    everyone = {who: Visitor(chromium.shared(), house.address, reduced_motion="reduce") for who in PEOPLE}
    everyone["admin"].enter(house.admin_link)
    everyone["listener"].enter(furnished.links["listener"])
    everyone["speaker"].enter(furnished.links["speaker"])
    yield everyone


@pytest.fixture(scope="module")
def utterance(people: dict[str, Visitor]) -> str:
    """The id of what the listener has had spoken."""
    rooms.speak(people["listener"].page, "미나의 목소리", "안녕하세요.")
    return people["listener"].page.url.rstrip("/").rpartition("/")[2]


def pages(furnished: Furnished, utterance: str) -> dict[str, list[str]]:
    """Addresses by the name of their route."""
    run, checkpoint = uuid.UUID(furnished.run), uuid.UUID(furnished.checkpoint)
    return {
        "studio:home": [reverse("studio:home")],
        "studio:enter": [furnished.links["unused"], reverse("studio:enter", args=["no-such-link"])],
        "studio:sign_in": [SIGN_IN],
        "studio:sign_out": [reverse("studio:sign_out")],
        "studio:record": [reverse("studio:record")],
        "studio:consent": [reverse("studio:consent")],
        "studio:check": [reverse("studio:check")],
        "studio:check_room": [reverse("studio:check_room")],
        "studio:speakers": [reverse("studio:speakers")],
        "studio:speaker": [reverse("studio:speaker", args=["mina"]), "/speakers/mina/?verdict=refused"],
        "studio:speaker_erase": [reverse("studio:speaker_erase", args=["mina"])],
        "studio:own_course": [reverse("studio:own_course")],
        "studio:speaker_course": [reverse("studio:speaker_course", args=["mina"])],
        "studio:prompts": [reverse("studio:prompts")],
        "studio:dictionary": [reverse("studio:dictionary"), "/dictionary/?speaker=mina"],
        "training:runs": [reverse("training:runs")],
        "training:run": [reverse("training:run", args=[run])],
        "synthesis:speak": [reverse("synthesis:speak")],
        "synthesis:speak_utterance": [reverse("synthesis:speak_utterance", args=[utterance])],
        "synthesis:utterance_delete": [reverse("synthesis:utterance_delete", args=[utterance])],
        "synthesis:voices": [reverse("synthesis:voices")],
        "synthesis:voice_publish": [
            reverse("synthesis:voice_publish"), reverse("synthesis:voice_publish", args=[checkpoint]),
        ],
        "synthesis:tokens": [reverse("synthesis:tokens")],
    }  # fmt: skip


OPEN = {"studio:home", "studio:enter", "studio:sign_in"}
ADMIN_ONLY = {
    "studio:speakers", "studio:speaker", "studio:speaker_course", "studio:speaker_erase", "studio:prompts",
    "studio:dictionary", "training:runs", "synthesis:voices", "synthesis:voice_publish",
}  # fmt: skip
OWN = {
    "training:run": {"speaker", "admin"},
    "synthesis:speak_utterance": {"listener"},
    "synthesis:utterance_delete": {"listener"},
}


def wanted(who: str, route: str, path: str) -> int:
    """The status that somebody's request ends with, redirects followed."""
    if path.endswith("no-such-link/"):
        return GONE
    if who == "anonymous" or route in OPEN:
        return 200
    if route in ADMIN_ONLY and who != "admin":
        return REFUSED
    return 200 if who in OWN.get(route, PEOPLE) else MISSING


def test_every_address_is_looked_at_here_or_known_not_to_be_a_page(furnished: Furnished) -> None:
    named = {
        f"{resolver.app_name}:{pattern.name}"
        for resolver in get_resolver().url_patterns
        if isinstance(resolver, URLResolver) and resolver.app_name in NOT_PAGES
        for pattern in resolver.url_patterns
        if isinstance(pattern, URLPattern)
    }
    not_pages = {f"{room}:{name}" for room, names in NOT_PAGES.items() for name in names}
    assert named - not_pages == pages(furnished, str(uuid.uuid4())).keys()


@pytest.mark.parametrize("who", PEOPLE)
def test_pages_are_whole_for(who: str, people: dict[str, Visitor], furnished: Furnished, utterance: str) -> None:
    visitor = people[who]
    found: list[str] = []
    for route, paths in pages(furnished, utterance).items():
        for path in paths:
            status = wanted(who, route, path)
            if status == 200 and (who != "anonymous" or route in OPEN):
                for size in (WIDE, NARROW):
                    found += [f"{path} at {size['width']}: {fault}" for fault in look(visitor, path, size, status)]
            else:
                found += turned_away(visitor, path, status)
    assert not found, "\n" + "\n".join(found)


def test_pages_fit_in_english_as_well(people: dict[str, Visitor], furnished: Furnished, utterance: str) -> None:
    admin = people["admin"]
    admin.context.add_cookies([{"name": "moksori_language", "value": "en", "url": admin.page.url}])
    found: list[str] = []
    for route, paths in pages(furnished, utterance).items():
        for path in paths:
            if wanted("admin", route, path) == 200:
                admin.page.goto(path)
                for size in (NARROW, NARROWEST):
                    admin.page.set_viewport_size(size)
                    found += [f"{path} at {size['width']}: {fault}" for fault in overflow(admin.page)]
    expect(admin.page.locator("html")).to_have_attribute("lang", "en")
    admin.context.clear_cookies(name="moksori_language")
    assert not found, "\n" + "\n".join(found)


def test_a_long_name_leaves_the_table_of_speakers_its_columns(people: dict[str, Visitor]) -> None:
    page = people["admin"].page
    rooms.invite_speaker(page, "가나다라" * 20, "long")
    page.goto("/speakers/")
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert overflow(page) == []


def test_a_table_of_keys_shows_its_buttons_in_a_narrow_window(people: dict[str, Visitor]) -> None:
    page = people["listener"].page
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    page.goto("/tokens/")
    page.locator("#token-label").fill("낭독 프로그램")
    page.get_by_role("button", name="열쇠 만들기").click()
    expect(page.get_by_role("button", name="없애기")).to_be_in_viewport(ratio=1)
    assert overflow(page) == []


def test_no_browser_keeps_a_page_for_the_way_back(
    people: dict[str, Visitor], furnished: Furnished, utterance: str
) -> None:
    kept = []
    for who in PEOPLE:
        for paths in pages(furnished, utterance).values():
            for path in paths:
                answer = people[who].context.request.get(path)
                if answer.status == 200 and "no-store" not in answer.headers.get("cache-control", ""):
                    kept.append(f"{path} for {who}")
    assert kept == []


def test_who_comes_back_to_the_recording_room_stands_where_they_left(people: dict[str, Visitor]) -> None:
    page = people["speaker"].page
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.goto("/record/")
    prompt = page.locator("clip-recorder[data-prepared] [data-part=prompt]")
    first = prompt.inner_text()
    page.keyboard.press("ArrowRight")
    expect(prompt).not_to_have_text(first)
    left = prompt.inner_text()
    page.locator("a.brand").click()
    page.wait_for_url(lambda url: url.endswith("/") and "record" not in url)
    page.go_back()
    expect(prompt).to_have_text(left)


def test_numbers_are_written_as_the_page_does_and_not_as_the_browser(
    house: Studio, chromium: Browsers, people: dict[str, Visitor], furnished: Furnished
) -> None:
    german = Visitor(chromium.shared(), house.address, locale="de-DE")
    german.context.add_cookies(people["admin"].context.cookies())
    page = german.page
    page.goto("/speak/")
    page.locator("#text").fill("가" * 1234)
    expect(page.locator("[data-count]")).to_have_text("1,234")
    page.goto(f"/train/{furnished.run}/")
    curve = page.locator("loss-curve").first
    curve.evaluate("(curve) => curve.add('train', 12000, 1.5)")
    curve.locator("[role=slider]").press("End")
    expect(curve.locator(".readout")).to_contain_text("12,000")


def test_sentences_are_korean_and_words_about_them_are_not(
    house: Studio, people: dict[str, Visitor], furnished: Furnished
) -> None:
    for who in ("admin", "speaker"):
        people[who].context.add_cookies([{"name": "moksori_language", "value": "en", "url": house.address}])
    page = people["admin"].page
    page.goto(f"/train/{furnished.run}/")
    expect(page.locator("blockquote").first).to_have_attribute("lang", "ko")
    page = people["speaker"].page
    page.goto("/record/")
    sentence = page.locator("clip-recorder[data-prepared] [data-part=prompt]")
    expect(sentence).to_have_attribute("lang", "ko")
    done = "(room) => room.apply({ prompt: null, takes: [], upcoming: [], progress: room.progress })"
    page.locator("clip-recorder").evaluate(done)
    expect(sentence).to_contain_text("Thank you")
    expect(sentence).to_have_attribute("lang", "en")
    for who in ("admin", "speaker"):
        people[who].context.clear_cookies(name="moksori_language")


RENEW = """async () => {
  const { name } = performance.getEntriesByType("resource").find(({ name }) => /run\\/fresh[^/]*\\.js$/.test(name));
  const { replaceParts } = await import(name);
  const fresh = document.cloneNode(true);
  for (const line of fresh.querySelectorAll("#run-log li, #run-checkpoints li")) line.before(line.cloneNode(true));
  for (const link of fresh.querySelectorAll("#run-checkpoints li:nth-child(odd) a")) link.href += "?another";
  replaceParts(["run-log", "run-checkpoints"], fresh);
}"""


def test_the_keyboard_stays_where_it_was_while_a_run_goes_on(people: dict[str, Visitor], furnished: Furnished) -> None:
    page = people["admin"].page
    page.goto(f"/train/{furnished.run}/")
    last = page.locator("#run-checkpoints > .checkpoints > li").last.locator("a[download]")
    log = page.locator("#run-log .log")
    for place, rows in ((last, "#run-checkpoints li"), (log, "#run-log li")):
        before = page.locator(rows).count()
        where = place.get_attribute("href")
        place.focus()
        page.evaluate(RENEW)
        assert page.locator(rows).count() == 2 * before
        expect(place).to_be_focused()
        assert place.get_attribute("href") == where


def test_an_invitation_is_copied_with_the_keyboard(people: dict[str, Visitor]) -> None:
    admin = people["admin"]
    page = admin.page
    admin.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/speakers/mina/")
    page.get_by_role("button", name="새 초대 링크").click()
    link = page.locator("copy-line input")
    link.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="복사했어요")).to_be_focused()
    assert page.evaluate("navigator.clipboard.readText()") == link.input_value()
    assert "/enter/" in link.input_value() and axe(page) == []


def test_where_the_browser_copies_nothing_the_invitation_is_selected(people: dict[str, Visitor]) -> None:
    admin = people["admin"]
    admin.context.clear_permissions()
    admin.faults.clear()
    page = admin.page
    page.goto("/speakers/mina/")
    page.get_by_role("button", name="새 초대 링크").click()
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new DOMException('', 'Refused')); }")
    page.get_by_role("button", name="복사").click()
    expect(page.locator("copy-line input")).to_be_focused()
    assert page.evaluate("getSelection().toString()") == page.locator("copy-line input").input_value()
    assert admin.faults == []


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        ("anonymous", "/enter/no-such-link/", GONE),
        ("listener", "/voices/", REFUSED),
        ("listener", "/no-such-page/", MISSING),
    ],
)
def test_a_page_that_turns_people_away_is_whole(who: str, path: str, status: int, people: dict[str, Visitor]) -> None:
    assert [fault for size in (WIDE, NARROW) for fault in look(people[who], path, size, status)] == []


def turned_away(visitor: Visitor, path: str, status: int) -> list[str]:
    """What is wrong with the way in which somebody is kept out."""
    answer = visitor.context.request.get(path)
    if answer.status != status:
        return [f"{path} answers {answer.status} and not {status}"]
    if status == 200 and SIGN_IN not in answer.url:
        return [f"{path} does not lead to the sign-in page but to {answer.url}"]
    return []


def look(visitor: Visitor, path: str, size: Any, status: int) -> list[str]:
    """Everything that is wrong with one page at one width."""
    page = visitor.page
    visitor.faults.clear()
    page.set_viewport_size(size)
    page.emulate_media(color_scheme="light")
    answer = page.goto(path, wait_until="load")
    assert isinstance(answer, Response)
    found = [] if answer.status == status else [f"answers {answer.status} and not {status}"]
    found += overflow(page) + axe(page)
    if size is WIDE:  # colours are the same at every width
        page.emulate_media(color_scheme="dark")
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found += [f"dark: {fault}" for fault in axe(page, "color-contrast")]
    expected = f"status of {status} "  # the console complains of the page itself, where it is a refusal
    return found + [fault for fault in visitor.faults if status == 200 or expected not in fault]


def overflow(page: Page) -> list[str]:
    """What is wider than the window."""
    widest: str | None = page.evaluate("""() => {
      const cut = [...document.querySelectorAll(".table-stack")].find((node) => node.scrollWidth > node.clientWidth);
      if (cut) return `the table ${cut.innerText.slice(0, 99)}`;
      if (document.documentElement.scrollWidth <= innerWidth) return null;
      const sticksOut = (node) => node.getBoundingClientRect().right > innerWidth + 1;
      const wide = [...document.querySelectorAll("body *")].filter(sticksOut).slice(0, 3);
      return `${document.documentElement.scrollWidth} px: ${wide.map((node) => node.outerHTML.slice(0, 99)).join(" ")}`;
    }""")
    return [f"overflows: {widest}"] if widest else []


def axe(page: Page, *rules: str) -> list[str]:
    """Serious and critical faults that axe finds; by all of its rules, or by `rules` only."""
    options = {"runOnly": list(rules)} if rules else {}
    answer = Axe().run(page, options={"resultTypes": ["violations"], **options}).response
    return [
        f"{fault['id']}: {fault['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for fault in answer["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def test_a_head_request_is_answered_wherever_a_page_or_a_sound_is(
    people: dict[str, Visitor], furnished: Furnished, utterance: str
) -> None:
    named = {route: some for route, some in pages(furnished, utterance).items() if route != "studio:enter"}
    heard = [f"/utterances/{utterance}.wav", f"/utterances/{utterance}/0.wav"]
    for who in ("listener", "admin"):
        asked = people[who].context.request
        for path in [*(path for some in named.values() for path in some), *heard, "/api/voices"]:
            got, head = asked.get(path), asked.head(path)
            assert (head.status, head.body()) == (got.status, b""), path
            if path in heard and got.ok:
                assert head.headers["content-length"] == str(len(got.body()))
