"""The JSON API for programs. Needs the extra `[api]` (django-ninja); without it nothing here is imported."""
