"""The JSON that pages and programs send."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from studio.errors import Refused


def json_object(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of a body; empty for an empty body. Raises Refused bad_json."""
    try:
        body = plain_json(request.body or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused("bad_json", _("JSON 객체를 보내 주세요."))
    return body


def plain_json(text: str | bytes) -> Any:
    """What a JSON text holds, where both databases can keep it. Raises ValueError for any other.

    Python reads more than that: NaN, numbers beyond all bounds, halves of surrogate pairs, and raises what is no
    ValueError for a nesting that is too deep.
    """
    try:
        value = json.loads(text)
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        written.encode()
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if "\\u0000" in written:
        raise ValueError("it has a character that no text has")
    return value
