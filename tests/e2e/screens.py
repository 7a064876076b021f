"""Pictures of every page for people to look at: `python -m tests.e2e.screens OUT_DIR [--docs DIR]`.

Fills a studio of its own with speech (espeak-ng's), a finished and a running training of trial size, a voice and
something spoken, then photographs all pages at 1280 and 390 px, light and dark. `--docs` writes record.png, train.png
and speak.png, wide and light, into DIR besides, as the README shows them.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e import rooms, sounds
from tests.e2e.browser import NARROW, WIDE, Browsers, Visitor, browsers
from tests.e2e.furnished import Furnished, furnish
from tests.servers import ROOT
from tests.studio_server import Studio, studio

SIZES = {"1280": WIDE, "390": NARROW}
SCHEMES = ("light", "dark")
DOCS_SIZE = {"width": 1280, "height": 1040}
DOCS = {"record-review": "record", "run-running": "train", "speak-done": "speak"}
PROMPTS = 12  # sentences that have been recorded already
STEPS = 40
LONG_RUN = 800  # steps of each part of the run that still goes on while it is photographed
BASE = "기본 목소리"
TEXT = "안녕하세요. 오늘은 3월 2일, 서울의 아침 기온은 12도입니다. 3번 출구로 나오셔서 5분만 걸어오시면 돼요!"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.screens", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the pictures")
    parser.add_argument("--docs", type=Path, metavar="DIR", help="also write the pictures of the README")
    options = parser.parse_args()
    for folder in filter(None, (options.out, options.docs)):
        folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="moksori-screens-") as work,
        browsers() as chromium,
        studio(Path(work) / "var") as house,
    ):
        Screens(house, chromium, Path(work), options.out, options.docs).take_all()


def sentences() -> list[str]:
    """The first of our own prompts."""
    with (ROOT / "prompts" / "ko" / "core.tsv").open(encoding="utf-8") as file:
        return [row["text"] for row in csv.DictReader(file, delimiter="\t")][:PROMPTS]


def name_microphone(page: Page) -> None:
    """Chromium's fake microphone calls itself one; a person's has the name of its maker."""
    page.evaluate("document.querySelector('#device option:checked').textContent = 'USB 마이크'")


class Screens:
    """People at their browsers in a furnished studio, and a camera."""

    def __init__(self, house: Studio, chromium: Browsers, folder: Path, out: Path, docs: Path | None) -> None:
        self.house = house
        self.chromium = chromium
        self.folder = folder
        self.out = out
        self.docs = docs
        self.microphone = folder / "microphone.wav"

    def take_all(self) -> None:
        self.empty_rooms()
        furnished = furnish(self.house, self.folder / "clips", texts=sentences(), steps=STEPS)
        self.doors(furnished)
        self.recording(furnished)
        self.training(furnished)
        self.speaking(furnished)

    @contextmanager
    def visitor(self, link: str = "", *, microphone: bool = False) -> Iterator[Page]:
        """Somebody who came by `link`, if any."""
        browser = self.chromium.with_microphone(self.microphone) if microphone else self.chromium.shared()
        person = Visitor(browser, self.house.address)
        if link:
            person.enter(link)
        yield person.page
        person.close()

    def admin(self) -> str:
        return self.house.sign_in_link("소라", admin=True)

    def shoot(self, page: Page, name: str, ready: Callable[[], object] = lambda: None) -> None:
        """Photograph the page as it is, in all widths and schemes; `ready` is called before each."""
        for width, size in SIZES.items():
            page.set_viewport_size(size)  # type: ignore[arg-type]
            for scheme in SCHEMES:
                # without motion: a picture may otherwise catch a colour on its way to another
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
                page.wait_for_timeout(250)
                ready()
                page.screenshot(path=self.out / f"{name}-{width}-{scheme}.png", full_page=True)
        if self.docs and name in DOCS:
            page.set_viewport_size(DOCS_SIZE)  # type: ignore[arg-type]
            page.emulate_media(color_scheme="light", reduced_motion="reduce")
            page.wait_for_timeout(250)
            page.screenshot(path=self.docs / f"{DOCS[name]}.png")

    def visit(self, page: Page, path: str, name: str) -> None:
        page.goto(path)
        self.shoot(page, name)

    def empty_rooms(self) -> None:
        """As the first admin finds them."""
        with self.visitor(self.admin()) as page:
            for path, name in (("/", "home"), ("/speakers/", "speakers"), ("/train/", "train"), ("/speak/", "speak")):
                self.visit(page, path, f"empty-{name}")
            self.visit(page, "/voices/", "empty-voices")

    def doors(self, furnished: Furnished) -> None:
        with self.visitor() as page:
            self.visit(page, "/", "anonymous-home")
            self.visit(page, "/sign-in/", "sign-in")
            self.visit(page, furnished.links["unused"], "enter")
            self.visit(page, "/enter/no-such-link/", "enter-gone")

    def recording(self, furnished: Furnished) -> None:
        sounds.write(self.microphone, sounds.spoken("준비"))
        with self.visitor(furnished.links["speaker"], microphone=True) as page:
            self.visit(page, "/", "speaker-home")
            self.visit(page, "/record/consent/", "consent")
            self.visit(page, "/record/check/", "check-microphone")
            self.visit(page, "/record/check/room/", "check-room")
            self.visit(page, "/record/course/", "course")
            self.visit(page, "/record/", "record-off")
            prompt = page.locator("clip-recorder[data-prepared] [data-part=prompt]")
            source = sounds.spoken(prompt.inner_text(), lead=1.2)
            sounds.write(self.microphone, source)
            page.reload()
            prompt.wait_for()
            rooms.record_once(page, len(source) / sounds.RATE)
            self.shoot(page, "record-review", lambda: name_microphone(page))
            sounds.write(self.microphone, sounds.spoken(" ".join(sentences())))  # long enough for four pictures
            page.reload()
            prompt.wait_for()
            page.keyboard.press("Space")
            expect(page.locator("clip-recorder")).to_have_attribute("data-state", "review")
            page.keyboard.press("Space")
            page.wait_for_timeout(1000 * (sounds.LEAD_SECONDS + 1))
            self.shoot(page, "record-recording", lambda: name_microphone(page))
        with self.visitor(self.admin()) as page:
            self.visit(page, "/", "home")
            rooms.invite_speaker(page, "하늘", "haneul")
            self.shoot(page, "speaker-invited")
            for path in ("speakers/", "speakers/mina/", "speakers/mina/erase", "prompts/", "dictionary/"):
                self.visit(page, f"/{path}", path.strip("/").replace("/", "-"))
            page.locator("summary", has_text="메뉴").click()
            self.shoot(page, "menu")
            self.visit(page, "/sign-out/", "sign-out")
        with self.visitor(self.house.sign_in_link("guest")) as page:
            self.visit(page, "/speakers/", "refused")
            self.visit(page, "/no-such-page/", "missing")

    def training(self, furnished: Furnished) -> None:
        with self.visitor(self.admin()) as page:
            self.visit(page, f"/train/{furnished.run}/", "run-finished")
            run = rooms.start_run(page, "미나", steps=LONG_RUN, vocoder="hifi_gan", vocoder_steps=LONG_RUN)
            expect(page.locator("#run-listen audio")).to_be_visible(timeout=300_000)
            self.shoot(page, "run-running")
            self.visit(page, "/train/", "train")
            page.goto(run)
            page.get_by_role("button", name="저장하고 멈추기").click()
            expect(page.locator("[data-state-badge]")).to_have_text("멈췄어요", timeout=60_000)
            self.shoot(page, "run-stopped")
            self.visit(page, f"/voices/publish/{furnished.checkpoint}/", "publish")
            self.visit(page, "/voices/", "voices")
            rooms.invite_listener(page, "나래")
            self.shoot(page, "voices-invited")

    def speaking(self, furnished: Furnished) -> None:
        with self.visitor(furnished.links["listener"]) as page:
            self.visit(page, "/", "listener-home")
            self.visit(page, "/speak/", "speak")
            rooms.speak(page, "미나의 목소리", TEXT)
            page.locator("[data-stop]").wait_for(state="hidden")
            self.shoot(page, "speak-cut")  # what so short a training says hardly ends by itself
            page.goto("/speak/")
            rooms.speak(page, BASE, TEXT)
            page.locator("[data-stop]").wait_for(state="hidden")
            self.shoot(page, "speak-done")
            self.visit(page, "/speak/", "speak-history")
            page.goto("/tokens/")
            page.locator("#token-label").fill("낭독 프로그램")
            page.get_by_role("button", name="열쇠 만들기").click()
            self.shoot(page, "tokens")


if __name__ == "__main__":
    main()
