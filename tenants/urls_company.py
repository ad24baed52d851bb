"""Pages of a company's site that need no chat."""

from django.urls import URLPattern, URLResolver, path

from tenants.admin_site import company_admin_site

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", company_admin_site.urls),
]
