"""The JSON that pages and programs send."""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from studio.errors import Refused

_NOT_KEPT = re.compile("[\0\ud800-\udfff]")  # by no database


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
    """What a JSON text holds, as both databases can keep it. Raises ValueError for what is no JSON.

    Python reads more than JSON is: NaN, numbers beyond all bounds. NUL and halves of surrogate pairs come as U+FFFD, as
    they do in a form that a browser sends.
    """
    try:
        return _kept(json.loads(text, parse_constant=_refuse))
    except RecursionError as error:
        raise ValueError("It is nested too deeply.") from error


def text_of(value: Any, name: str) -> str:
    """A value of a body or query that has to be text. Raises Refused missing, which tells its `name`."""
    if not isinstance(value, str):
        message = _("%(name)s에 글을 보내 주세요.") % {"name": name}
        raise Refused("missing", message, name=name)
    return value


def _kept(value: Any) -> Any:
    if isinstance(value, str):
        return _NOT_KEPT.sub("\ufffd", value)
    if isinstance(value, list):
        return [_kept(each) for each in value]
    if isinstance(value, dict):
        return {_kept(key): _kept(each) for key, each in value.items()}
    if isinstance(value, float) and not isfinite(value):  # 1e999
        raise ValueError("A number is too large.")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON.")
