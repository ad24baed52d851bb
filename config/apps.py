from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Configuration"

    def ready(self) -> None:
        # Celery: without it, `delay()` in a web process would ask for the default broker.
        from config import celery, checks  # noqa: F401  checks: registers the system checks
