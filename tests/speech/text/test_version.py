"""FRONT_END_VERSION goes up with every change of a reading: a checkpoint keeps it, and a voice is warned of another."""

from __future__ import annotations

from speech.text import FRONT_END_VERSION
from tests.speech.text import frozen

MEND = "raise FRONT_END_VERSION in speech/text/__init__.py, then run `python -m tests.speech.text.frozen`"


def test_no_reading_changes_without_a_new_version_of_the_front_end() -> None:
    version, old = frozen.load()
    otherwise = frozen.changed(old, frozen.answers())
    assert not otherwise, f"{len(otherwise)} texts read otherwise than by version {version}: {MEND}. {otherwise[:10]}"
    assert version == FRONT_END_VERSION, f"version {FRONT_END_VERSION} is not frozen yet: {MEND}."


def test_every_text_of_the_tables_and_of_our_prompts_is_frozen() -> None:
    _, old = frozen.load()
    assert set(frozen.answers()) == set(old), "texts came or went: run `python -m tests.speech.text.frozen`."


def test_a_changed_answer_is_seen_and_a_new_text_is_none() -> None:
    text = frozen.texts()[0]
    now = frozen.answers()
    key = next(key for key in now if frozen.changed({key: "otherwise"}, now) == [text])
    assert frozen.changed({}, now) == []
    assert frozen.changed({key: now[key]}, now) == []
