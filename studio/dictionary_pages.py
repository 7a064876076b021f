"""The dictionary's page: its rows by scope, files in and out; and the row that another page's program writes."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio import dictionary
from studio.access import admin_required, posted_from
from studio.errors import Refused, api_errors
from studio.json_body import json_object
from studio.models import DictionaryEntry, Prompt, Speaker
from studio.prompt_readings import prompt_reading, prompt_reading_set

ROWS_A_PAGE = 50


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def table(request: HttpRequest) -> HttpResponse:
    """The rows of one scope (`?speaker=NAME`; without it the project's); a new one comes in by POST."""
    speaker = _speaker(request)
    if request.method != "POST":
        return _table(request, speaker)
    surface, reading = request.POST.get("surface", ""), request.POST.get("reading", "")
    try:
        entry = dictionary.entry_set(surface=surface, reading=reading, speaker=speaker, by=_user(request))
    except Refused as error:
        return _table(request, speaker, error.status, fault=error, surface=surface, reading=reading)
    messages.success(request, _("이제 이렇게 읽어요: %(surface)s → %(reading)s") % _words(entry))
    return _back(speaker)


@posted_from("studio:dictionary", arguments=False)
@admin_required
def entry_change(request: HttpRequest, pk: int) -> HttpResponse:
    """A row's own form: `delete`, or its word and reading."""
    entry = get_object_or_404(DictionaryEntry.objects.select_related("speaker"), pk=pk)
    if "delete" in request.POST:
        dictionary.entry_delete(entry=entry)
        messages.success(request, _("사전에서 뺐어요: %(surface)s") % _words(entry))
        return _back(entry.speaker)
    try:
        surface, reading = request.POST.get("surface", ""), request.POST.get("reading", "")
        entry = dictionary.entry_set(surface=surface, reading=reading, entry=entry)
        messages.success(request, _("이제 이렇게 읽어요: %(surface)s → %(reading)s") % _words(entry))
    except Refused as error:
        messages.error(request, error.message)
    return _back(entry.speaker)


@posted_from("studio:dictionary")
@admin_required
def file_import(request: HttpRequest) -> HttpResponse:
    """A TSV, whole or not at all; what is wrong with its lines is listed."""
    speaker = _speaker(request)
    file = request.FILES.get("file")
    try:
        if file is None:
            raise Refused("no_file", _("넣을 파일을 골라 주세요."))
        count = dictionary.entries_import(
            data=file.read(), speaker=speaker, by=_user(request), replace="replace" in request.POST
        )
    except Refused as error:
        return _table(request, speaker, error.status, file_fault=error)
    messages.success(request, _("낱말 %(count)d개를 사전에 넣었어요.") % {"count": count})
    return _back(speaker)


@never_cache
@require_safe
@admin_required
def file_export(request: HttpRequest) -> HttpResponse:
    """One scope as a TSV that `file_import` takes."""
    speaker = _speaker(request)
    response = HttpResponse(dictionary.entries_export(speaker), content_type="text/tab-separated-values; charset=utf-8")
    name = f"dictionary-{speaker.name}.tsv" if speaker else "dictionary.tsv"
    response["Content-Disposition"] = content_disposition_header(True, name) or ""
    return response


@require_POST
@api_errors
@admin_required
def entry_write(request: HttpRequest) -> JsonResponse:
    """`{"surface", "reading", "speaker": name or null}` → the row."""
    body = json_object(request)
    wants = {name: str(body.get(name) or "") for name in ("surface", "reading", "speaker")}
    speaker = get_object_or_404(Speaker, name=wants["speaker"]) if wants["speaker"] else None
    entry = dictionary.entry_set(surface=wants["surface"], reading=wants["reading"], speaker=speaker, by=_user(request))
    return JsonResponse({**_words(entry), "speaker": speaker.name if speaker else None}, status=201)


@require_POST
@api_errors
@admin_required
def prompt_reading_write(request: HttpRequest, pk: int) -> JsonResponse:
    """`{"start", "reading"}` → how the sentence is read now; a reading of null: as nobody chose."""
    prompt = get_object_or_404(Prompt, pk=pk)
    body = json_object(request)
    try:
        start, reading = int(body["start"]), body["reading"]
    except (ValueError, TypeError, KeyError):
        names = ["start", "reading"]
        message = _("보낸 값이 잘못되었어요: %(names)s") % {"names": ", ".join(names)}
        raise Refused("bad_fields", message, names=names) from None
    prompt = prompt_reading_set(prompt=prompt, start=start, reading=reading)
    return JsonResponse(prompt_reading(prompt, dictionary.dictionary_for(None)))


def _table(request: HttpRequest, speaker: Speaker | None, status: int = 200, **more: Any) -> HttpResponse:
    rows = dictionary.entries_of(speaker)
    wanted = request.GET.get("q", "").strip()
    if wanted:
        rows = rows.filter(Q(surface__icontains=wanted) | Q(reading__icontains=wanted))
    context = {
        "page": Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "speaker": speaker,
        "speakers": Speaker.objects.annotate(words=Count("dictionary")).order_by("label"),
        "common": dictionary.entries_of(None).count(),
        "wanted": wanted,
        **more,
    }
    return render(request, "studio/dictionary.html", context, status=status)


def _speaker(request: HttpRequest) -> Speaker | None:
    name = request.GET.get("speaker", "")
    return get_object_or_404(Speaker, name=name) if name else None


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)  # admin_required let them through


def _words(entry: DictionaryEntry) -> dict[str, str]:
    return {"surface": entry.surface, "reading": entry.reading}


def _back(speaker: Speaker | None) -> HttpResponse:
    query = f"?{urlencode({'speaker': speaker.name})}" if speaker else ""
    return redirect(reverse("studio:dictionary") + query)
