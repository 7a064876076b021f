"""The page on which an admin erases a speaker, after reading what goes and typing whose it is."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from studio import erasure
from studio.access import admin_required
from studio.errors import Refused
from studio.models import Erasure, Speaker


@never_cache
@require_http_methods(["GET", "POST"])
@admin_required
def speaker_erase(request: HttpRequest, name: str) -> HttpResponse:
    """GET names all that goes; POST with the speaker's name in `confirm` erases it."""
    speaker, refusal = get_object_or_404(Speaker, name=name), None
    if request.method == "POST":
        try:
            erasure.confirmed(speaker, request.POST.get("confirm", ""))
            return _told(request, erasure.speaker_erase(speaker=speaker, by=cast(User, request.user)))
        except Refused as refused:
            refusal = refused
    items = [(erasure.WORDS[item.code], item) for item in erasure.items_of(speaker)]
    context = {"speaker": speaker, "items": items, "begun": erasure.erasure_open(name), "refusal": refusal}
    return render(request, "studio/erase.html", context, status=refusal.status if refusal else 200)


@require_POST
@admin_required
def erasure_go_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends an erasure that was cut off."""
    return _told(request, erasure.erasure_go_on(erasure=get_object_or_404(Erasure, pk=pk)))


def _told(request: HttpRequest, done: Erasure) -> HttpResponse:
    messages.success(request, _("%(name)s: 모두 지웠어요.") % {"name": done.name})
    return redirect("studio:speakers")
