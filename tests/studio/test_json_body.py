"""Bodies that programs send: what is no JSON object is refused, what no database keeps is taken out."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from studio.errors import Refused
from studio.json_body import json_object


def body_of(content: str | bytes) -> dict[str, Any]:
    return json_object(RequestFactory().post("/", content, content_type="application/json"))


@pytest.mark.parametrize(
    "content", ["[]", "3", "{", b'{"a": "\xff"}', '{"a": NaN}', '{"a": 1e999}', '{"a":' + "[" * 100_000]
)
def test_what_is_no_json_object_is_refused(content: str | bytes) -> None:
    with pytest.raises(Refused) as refusal:
        body_of(content)
    assert refusal.value.code == "bad_json"


def test_halves_of_characters_and_nul_are_marked_as_in_a_form() -> None:
    assert body_of(r'{"a": ["\ud83d", {"\u0000": "\ud83d\ude00"}]}') == {"a": ["\ufffd", {"\ufffd": "😀"}]}
