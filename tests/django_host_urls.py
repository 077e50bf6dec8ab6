"""Paths of the Django project of the tests."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("progress/", include("milestone_progress.django.urls")),
]
