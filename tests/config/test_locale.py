"""The English catalogue: whole, true to its Korean sentences, and compiled."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import django
import polib
import pytest
from django.core.management import get_commands, load_command_class
from django.test import Client

from tests.servers import ROOT

CATALOGUE = ROOT / "locale" / "en" / "LC_MESSAGES" / "django.po"
KOREAN = "locale/ko/LC_MESSAGES/django.po"
TRANSLATED = ("config", "studio", "training", "synthesis", "templates")
# %(name)s and {name}: what Python or a page's script puts into a sentence.
PLACEHOLDER = re.compile(r"%\(\w+\)[-+ #0]*[\d.]*[a-zA-Z]|\{\w+\}")
# 이 or 가, 로 or 으로 …: which one fits is known only once something has been put in.
PARTICLE_BEHIND = re.compile(
    r"(?:%\(\w+\)[-+ #0]*[\d.]*[a-zA-Z]|(?<!{){[^{}]*})’?"
    r"(?:이나|이|가|은|는|을|를|와|과|으로|로만|로|나|이에요|예요)(?![가-힣])"
)
HANGUL = re.compile("[\u3131-\u318e\uac00-\ud7a3]")
TRANSLATE_TAGS = re.compile(
    r"{%\s*blocktranslate\b.*?{%\s*endblocktranslate\s*%}|{%\s*translate\b.*?%}|{#.*?#}", flags=re.DOTALL
)
KOREAN_ON_PURPOSE = ("한국어", "안녕하세요. 반갑습니다.")  # the language's own name; a text to be spoken


def catalogue() -> polib.POFile:
    return polib.pofile(str(CATALOGUE))


def sentences(entry: polib.POEntry) -> list[str]:
    """An entry's English: one sentence, or one for each plural form."""
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def keys(entries: list[polib.POEntry]) -> set[tuple[str | None, str]]:
    return {(entry.msgctxt, entry.msgid) for entry in entries if not entry.obsolete}


def test_every_korean_sentence_has_an_english_one() -> None:
    unsaid = [entry.msgid for entry in catalogue() if entry.fuzzy or not all(sentences(entry))]
    assert not unsaid


def test_a_counted_sentence_has_both_english_forms() -> None:
    assert all(set(entry.msgstr_plural) == {0, 1} for entry in catalogue() if entry.msgid_plural)


def test_no_korean_sentence_leaves_a_particle_to_the_reader() -> None:
    """을(를), 은(는), (이)라는: what is named stands where a sentence needs none, on pages and on a terminal."""
    doubled = re.compile(r"을\(를\)|은\(는\)|이\(가\)|와\(과\)|\(이\)|\(으\)|와/과|\}라는|\)s라는")
    said = [entry.msgid for entry in catalogue()]
    for room in TRANSLATED[:-1]:
        said += [line for path in (ROOT / room).rglob("*.py") for line in path.read_text("utf-8").splitlines()]
    assert not [line for line in said if doubled.search(line)]


def test_no_particle_of_two_forms_stands_behind_what_is_put_in() -> None:
    said = [entry.msgid for entry in catalogue()]
    for room in TRANSLATED[:-1]:
        said += [line for path in (ROOT / room).rglob("*.py") for line in path.read_text("utf-8").splitlines()]
    assert not [line for line in said if PARTICLE_BEHIND.search(line)]


def test_the_english_keeps_what_is_put_into_a_sentence() -> None:
    other = [
        entry.msgid
        for entry in catalogue()
        for sentence in sentences(entry)
        if sorted(PLACEHOLDER.findall(sentence)) != sorted(PLACEHOLDER.findall(entry.msgid))
    ]
    assert not other


def test_a_button_that_a_sentence_names_has_that_name_in_english_too() -> None:
    labels = {entry.msgid: entry.msgstr for entry in catalogue()}
    wrong = [
        (entry.msgstr, labels[name])
        for entry in catalogue()
        for name in re.findall("‘([^’{%]+)’", entry.msgid)
        if name in labels and f"“{labels[name]}”" not in entry.msgstr
    ]
    assert not wrong


def test_no_english_sentence_holds_hangul() -> None:
    assert not [entry.msgid for entry in catalogue() if HANGUL.search("".join(sentences(entry)))]


def test_no_english_sentence_can_end_the_attribute_that_it_stands_in() -> None:
    """`{% translate %}` does not escape, and many sentences stand in `data-*` and `aria-label`."""
    assert not [entry.msgid for entry in catalogue() if re.search('["<>&]', "".join(sentences(entry)))]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_compiled_catalogue_says_what_the_written_one_says(language: str) -> None:
    file = ROOT / "locale" / language / "LC_MESSAGES" / "django.po"
    entries = [entry for entry in polib.pofile(str(file)) if not entry.obsolete]
    written = {(entry.msgctxt, entry.msgid): sentences(entry) for entry in entries}
    compiled = {(entry.msgctxt, entry.msgid): sentences(entry) for entry in polib.mofile(str(file.with_suffix(".mo")))}
    assert compiled == written


def test_what_is_said_otherwise_than_django_says_it_is_something_that_django_says() -> None:
    theirs = {entry.msgid for entry in polib.pofile(str(Path(django.__file__).parent / f"conf/{KOREAN}"))}
    ours = {entry.msgid for entry in polib.pofile(str(ROOT / KOREAN))}
    assert ours and ours <= theirs


def test_everything_that_is_translated_stands_in_the_catalogue(tmp_path: Path) -> None:
    if not (shutil.which("xgettext") and shutil.which("msgfmt")):
        pytest.skip("GNU gettext is not installed")
    for folder in TRANSLATED:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "locale").mkdir()
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "--locale", "en", "--no-location"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        check=True,
        capture_output=True,
    )
    found = polib.pofile(str(tmp_path / CATALOGUE.relative_to(ROOT)))
    assert keys(found) - keys(catalogue()) == set()


def test_no_template_says_a_korean_sentence_that_cannot_be_translated() -> None:
    bare = []
    for template in sorted((ROOT / "templates").rglob("*.html")):
        text = TRANSLATE_TAGS.sub("", template.read_text(encoding="utf-8"))
        for purpose in KOREAN_ON_PURPOSE:
            text = text.replace(purpose, "")
        bare += [f"{template.name}: {line.strip()}" for line in text.splitlines() if HANGUL.search(line)]
    assert not bare


def test_every_command_says_what_it_does_in_korean_and_in_english() -> None:
    ours = {name: app for name, app in get_commands().items() if app in TRANSLATED}
    helps = {name: str(load_command_class(app, name).help) for name, app in ours.items()}
    one_language = [name for name, said in helps.items() if not HANGUL.search(said) or " · " not in said]
    assert len(helps) > 10 and not one_language


def test_every_sound_of_a_page_has_a_name_to_be_told_by() -> None:
    """A screen reader says no more of a player than that it is one."""
    players = [
        player
        for template in (ROOT / "templates").rglob("*.html")
        for player in re.findall(r"<audio\b.*?</audio>", template.read_text(encoding="utf-8"), flags=re.DOTALL)
    ]
    assert players and not [player for player in players if "aria-label" not in player]


@pytest.mark.django_db
def test_a_person_who_chose_english_meets_no_korean_but_the_languages_name(client: Client) -> None:
    client.cookies["moksori_language"] = "en"
    page = client.get("/sign-in/").content.decode()
    assert '<html lang="en">' in page
    assert "Password" in page
    assert not HANGUL.search(page.replace("한국어", ""))
