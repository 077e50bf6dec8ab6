"""Settings; what is not about progress is as small as it can be."""

import os
from pathlib import Path
from secrets import token_urlsafe

FOLDER = Path(os.environ.get("PROGRESS_FOLDER", "."))

MILESTONE_PROGRESS = {
    "IS_MEDIA": "project.progress.is_media",
    "RECORDER": "project.progress.recorder_of",
}
INSTALLED_APPS = [
    "milestone_progress.django",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": FOLDER / "site.sqlite",
        "OPTIONS": {
            # Else, who reads before writing fails where others write at the same time.
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode = WAL",
        },
    }
}
# Without it, sessions end with the process, and there can be only one.
SECRET_KEY = os.environ.get("SECRET_KEY") or token_urlsafe()
DEBUG = "DEBUG" in os.environ
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "project.urls"
STATIC_URL = "static/"
USE_TZ = True
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
