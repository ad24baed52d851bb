"""A company's site: its admin site and its widget."""

from django.urls import URLPattern, URLResolver, include, path

from config.views import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.live, name="healthz"),
    path("accounts/", include("allauth.account.urls")),
    path("", include("chat.urls_company")),
    path("", include("crm_sync.urls_company")),
    path("", include("reports.urls_company")),
    path("", include("tenants.urls_company")),
]
