"""All addresses. Pages first, then what programs call."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import include, path


def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Browsers ask for it wherever a page names no icon: for a sound, a picture, JSON."""
    return HttpResponseRedirect(static("img/mark.svg"))


urlpatterns = [
    path("", include("studio.urls")),
    path("", include("training.urls")),
    path("", include("synthesis.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("favicon.ico", favicon),
    path("admin/", admin.site.urls),
]
