"""The one table of thresholds: in the code, on the page, in the docs."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path

import pytest

from speech.limits import RULES, Beyond, Limits, Rule, rules_json
from speech.quality import Report

DOCS = Path(__file__).parents[2] / "docs" / "recording.md"
WORDS = {"below": "below", "above": "above", "off": "above", "from": "from"}


def table_of_the_docs() -> dict[str, tuple[str, str]]:
    """code → (refused, warned)."""
    rows: dict[str, tuple[str, str]] = {}
    _before, _header, table = DOCS.read_text(encoding="utf-8").partition("| code | measure | refused | warned |\n")
    for line in table.partition("\n\n")[0].splitlines():
        cells = [cell.strip().replace("−", "-") for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"`\w+`(, `\w+`)?", cells[0]):
            rows.update(dict.fromkeys(re.findall(r"\w+", cells[0]), (cells[2], cells[3])))
    return rows


def test_the_docs_show_the_table_that_is_in_force() -> None:
    limits, expected = Limits(), {}
    for rule in RULES:
        cell = f"{WORDS[rule.beyond]} {getattr(limits, rule.limit):g}"
        refused, warned = expected.get(rule.code, ("", ""))
        expected[rule.code] = (cell, warned) if rule.level == "refused" else (refused, cell)
    for codes, limit in ((("fast", "slow"), limits.warn_pace_off), (("louder", "softer"), limits.warn_loudness_off)):
        expected |= dict.fromkeys(codes, ("", f"above {limit:g}"))
    assert table_of_the_docs() == expected


def test_every_rule_names_a_measure_and_a_limit_that_there_are() -> None:
    measures = {field.name for field in dataclasses.fields(Report)}
    limits = {field.name for field in dataclasses.fields(Limits)}
    assert {rule.measure for rule in RULES} <= measures
    assert {rule.limit for rule in RULES} | {"warn_pace_off", "warn_loudness_off"} == limits


@pytest.mark.parametrize(
    ("beyond", "broken"), [("below", [1.9]), ("above", [2.1]), ("from", [2.0, 2.1]), ("off", [2.1])]
)
def test_a_limit_itself_is_beyond_only_where_the_rule_says_from(beyond: Beyond, broken: list[float]) -> None:
    rule = Rule("code", "warned", "seconds", beyond, "warn_seconds_above")
    assert [value for value in (1.9, 2.0, 2.1) if rule.broken(value, 2.0)] == broken


def test_the_page_gets_numbers_that_json_knows() -> None:
    assert json.loads(json.dumps(rules_json(), allow_nan=False))[0]["limit"] == 0.2
    imports = rules_json(Limits.for_import())
    assert len(imports) < len(RULES) and all(math.isfinite(rule["limit"]) for rule in imports)
