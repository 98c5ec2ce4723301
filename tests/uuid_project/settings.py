"""A host project that is nothing like ours: users of its own with UUID keys and no user names, hardly any apps."""

import os

import dj_database_url

SECRET_KEY = "not a secret"
DEBUG = True
USE_TZ = True
ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "tests.uuid_project.people",
    "notifications",
]
AUTH_USER_MODEL = "people.Person"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "tests.uuid_project.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {"default": {**dj_database_url.parse(os.environ["UUID_PROJECT_DATABASE"])}}
CHANNEL_LAYERS = {"default": {"BACKEND": os.environ["UUID_PROJECT_LAYER"]}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
