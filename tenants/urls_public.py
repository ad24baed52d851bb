"""Pages of the platform site that need no chat."""

from django.urls import URLPattern, URLResolver, path

from tenants.admin_site import platform_admin_site

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", platform_admin_site.urls),
]
