"""The least settings under which the stream can refuse somebody: pure Python only, so that any interpreter can run it."""

SECRET_KEY = "for tests alone"
USE_TZ = True
ALLOWED_HOSTS = ["*"]
USE_X_FORWARDED_HOST = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
INSTALLED_APPS = [
    "notifications",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
]
# in memory, and shared by the threads of one process
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:alone?mode=memory&cache=shared"},
}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
NOTIFICATIONS_TRUSTED_PROXIES = ["10.0.0.0/8"]
