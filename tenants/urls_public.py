"""Pages of the platform site that need no chat."""

from django.urls import URLPattern, URLResolver, path

from tenants.admin_site import platform_admin_site
from tenants.views import hand_off, landing, sign_up

urlpatterns: list[URLPattern | URLResolver] = [
    path("", landing.landing, name="landing"),
    path("sign-up/", sign_up.sign_up, name="sign_up"),
    path("sign-up/progress/", sign_up.progress, name="sign_up_progress"),
    path("sign-up/prepare/", sign_up.prepare, name="sign_up_prepare"),
    path("companies/<slug:slug>/open/", hand_off.open_company, name="open_company"),
    path("admin/", platform_admin_site.urls),
]
