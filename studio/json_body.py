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
        body = json.loads(request.body or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused("bad_json", _("JSON 객체를 보내 주세요."))
    return body
