"""An admin at the list of takes, by keyboard alone; and the speaker who reads again what came back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e import sounds
from tests.e2e.browser import Browsers, Visitor
from tests.studio_server import Studio

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not sounds.has_espeak(), reason="speaks with espeak-ng (apt-get install espeak-ng)"),
]

# The takes of a corpus, as if they had been recorded of the studio's own first prompts.
OF_PROMPTS = """
from studio.models import Clip, Prompt, Speaker
from studio.services import speaker_invite
speaker = Speaker.objects.get(name="nari")
prompts = list(Prompt.objects.filter(active=True)[:4])
for clip, prompt in zip(speaker.clips.order_by("created_at"), prompts):
    Clip.objects.filter(pk=clip.pk).update(prompt=prompt, text=prompt.text, source="browser")
print(speaker_invite(speaker=speaker))
"""


def test_takes_are_heard_accepted_and_sent_back_by_keyboard_and_the_speaker_reads_them_first(
    house: Studio, chromium: Browsers, tmp_path: Path
) -> None:
    folder = sounds.write_corpus(tmp_path / "nari", sounds.SENTENCES[:4])
    house.manage("import_clips", str(folder), "--speaker", "nari", "--consent", "동의합니다.")
    token = house.python(OF_PROMPTS).strip().splitlines()[-1]
    admin = Visitor(chromium.shared(), house.address)
    admin.enter(house.admin_link)
    page = admin.page
    page.goto("/speakers/nari/")
    rows = page.locator(".review-row")
    expect(rows).to_have_count(4)
    page.keyboard.press("j")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("Space")
    expect(rows.nth(0).locator("[data-audio]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("a")
    expect(rows.nth(0)).to_have_attribute("data-decision", "accepted")
    expect(rows.nth(1)).to_be_focused()
    sentence = rows.nth(1).locator("[data-part=text]").inner_text()
    page.keyboard.press("r")
    page.keyboard.type("조금 빨라요, jakr")  # the keys are letters here
    page.keyboard.press("Enter")
    expect(rows.nth(1)).to_have_attribute("data-decision", "returned")
    expect(rows.nth(1).locator("[data-part=kept]")).to_be_hidden()
    page.keyboard.press("r")
    page.keyboard.press("Escape")
    expect(rows.nth(2)).to_have_attribute("data-decision", "")
    for key in "aku":  # faster than the server: each meets its row all the same
        page.keyboard.press(key)
    expect(rows.nth(2)).to_be_focused()
    expect(rows.nth(2).get_by_text("되돌리기")).to_be_hidden()
    expect(page.get_by_role("status")).to_contain_text("결정을 되돌렸어요")
    expect(rows.nth(2)).to_have_attribute("data-decision", "")
    page.reload()
    expect(page.locator("[data-decision=accepted]")).to_have_count(1)
    admin.close()

    speaker = Visitor(chromium.shared(), house.address)
    speaker.enter(f"{house.address}/enter/{token}/")
    speaker.page.goto("/record/course/")
    expect(speaker.page.locator(".again-rows")).to_contain_text(sentence)
    expect(speaker.page.locator("svg.plot-box")).to_have_count(3)
    speaker.page.goto("/record/")
    expect(speaker.page.locator("[data-part=prompt]")).to_have_text(sentence)
    expect(speaker.page.locator("[data-part=again]")).to_have_text("다시 읽어 주세요: 조금 빨라요, jakr")
    speaker.close()
