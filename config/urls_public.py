"""The platform site: sign-up, sign-in, the desk, the operators' admin."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from config.views import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("accounts/", include("allauth.account.urls")),
    path("", include("chat.urls_public")),
    path("", include("crm_sync.urls_public")),
    path("", include("tenants.urls_public")),
]
if settings.IS_DEVELOPMENT:
    urlpatterns += [path("dev/", include("config.urls_dev"))]
