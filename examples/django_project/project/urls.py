"""Paths: progress, and the admin, by which one signs in."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("progress/", include("milestone_progress.django.urls")),
]
