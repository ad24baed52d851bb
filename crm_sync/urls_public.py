"""What the desk, on the platform site, shows of deliveries."""

from django.urls import URLPattern, URLResolver, path

from crm_sync.views import desk

urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "desk/c/<slug:slug>/<uuid:conversation_id>/deliveries/",
        desk.lead_deliveries,
        name="desk_lead_deliveries",
    ),
]
