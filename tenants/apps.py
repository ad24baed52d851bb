from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "Tenants"

    def ready(self) -> None:
        from tenants import checks  # noqa: F401  registers the system check
        from tenants.forms.sentences import use_our_sentences

        use_our_sentences()
