"""All addresses. Pages first, then what programs call."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("studio.urls")),
    path("", include("training.urls")),
    path("", include("synthesis.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]
