"""The pages of the recording room, and the doors of the house."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.views import LoginView, LogoutView
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_safe

from speech.limits import rules_json
from studio import rooms, selectors, services
from studio.access import SpeakerRequest, admin_required, is_admin, posted_from, speaker_required
from studio.dictionary import dictionary_for
from studio.erasure import erased_words
from studio.errors import Refused
from studio.forms import SignInForm, SpeakerForm
from studio.models import Erasure, Prompt, Speaker
from studio.page_words import recorder_words
from studio.prompt_readings import prompt_reading
from studio.review_pages import INVITATION

ERASED_SHOWN = 50
BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(LoginView):
    template_name = "studio/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class SignOut(LogoutView):
    """POST signs out. GET says before how one comes in again: who came by a link has no password to come back with."""

    http_method_names = ("get", "head", "post", "options")
    template_name = "studio/sign_out.html"

    def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect("studio:sign_in")
        return super().get(request, *args, **kwargs)


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Three rooms and what is going on in each; a door for those who are not signed in."""
    states = {}
    if request.user.is_authenticated:
        states = {name: rooms.state_of(name, request.user) for name in ("studio", "training", "synthesis")}
    return render(request, "studio/home.html", {"states": states})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """A one-time link. Looking at it (a chat's link preview does) does not use it up; the button does."""
    link = services.sign_in_link_find(token=token)
    if request.method == "POST" and (user := services.sign_in_link_use(token=token)):
        login(request, user, backend=BACKEND)
        return redirect("studio:home" if is_admin(user) else "studio:record")
    status = 200 if link and request.method != "POST" else 410
    return render(request, "studio/enter.html", {"link": link if status == 200 else None}, status=status)


@never_cache
@require_safe
@ensure_csrf_cookie
@speaker_required
def record(request: SpeakerRequest) -> HttpResponse:
    """The room itself. Its state comes with the page; from then on `static/js/record/` asks for it."""
    context = {
        "speaker": request.speaker, "state": selectors.record_state(request.speaker), "words": recorder_words(),
        "rules": rules_json(),
    }  # fmt: skip
    return render(request, "studio/record.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def speakers(request: HttpRequest) -> HttpResponse:
    """All speakers with what they have recorded; a new one is created and invited here."""
    form = SpeakerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        speaker = services.speaker_create(**form.cleaned_data)
        return _invite(request, speaker)
    context = {
        "form": form, "speakers": selectors.speakers_with_counts(), "total": selectors.prompts_active().count(),
        "erased": [(row, erased_words(row)) for row in Erasure.objects.select_related("by")[:ERASED_SHOWN]],
    }  # fmt: skip
    return render(request, "studio/speakers.html", context)


@posted_from("studio:speaker")
@admin_required
def speaker_invite(request: HttpRequest, name: str) -> HttpResponse:
    return _invite(request, get_object_or_404(Speaker, name=name))


@never_cache
@require_safe
@ensure_csrf_cookie
@admin_required
def prompts(request: HttpRequest) -> HttpResponse:
    """The sentences that speakers are given, corpus by corpus."""
    corpus = request.GET.get("corpus", "")
    table = Prompt.objects.filter(corpus=corpus) if corpus else Prompt.objects.all()
    page = Paginator(table, 100).get_page(request.GET.get("page"))
    own = dictionary_for(None)
    readings = {prompt.pk: prompt_reading(prompt, own) for prompt in page}
    context = {"page": page, "corpora": selectors.corpora(), "corpus": corpus, "readings": readings}
    return render(request, "studio/prompts.html", context)


def _invite(request: HttpRequest, speaker: Speaker) -> HttpResponse:
    if speaker.user is not None and is_admin(speaker.user):
        raise Refused("own_speaker", _("관리자 자신의 화자예요. 초대가 필요 없어요."), 409)
    link = request.build_absolute_uri(reverse("studio:enter", args=[services.speaker_invite(speaker=speaker)]))
    request.session[INVITATION] = {"speaker": speaker.name, "link": link}
    return redirect("studio:speaker", name=speaker.name)
