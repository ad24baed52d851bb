"""Pages of a company's admin site about its CRMs."""

from django.urls import URLPattern, URLResolver, path

from crm_sync.views import connections, deliveries

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/crm/", connections.connections, name="company_connections"),
    path("admin/crm/new/", connections.pick, name="company_connection_pick"),
    path("admin/crm/new/<slug:connector>/", connections.set_up, name="company_connection_set_up"),
    path("admin/crm/deliveries/", deliveries.log, name="company_deliveries"),
    path("admin/crm/deliveries/replay/", deliveries.replay, name="company_replay"),
    path("admin/crm/deliveries/<uuid:delivery_id>/", deliveries.delivery, name="company_delivery"),
    path("admin/crm/<uuid:connection_id>/", connections.connection, name="company_connection"),
    path(
        "admin/crm/<uuid:connection_id>/settings/",
        connections.change,
        name="company_connection_change",
    ),
    path("admin/crm/<uuid:connection_id>/test/", connections.test, name="company_connection_test"),
    path(
        "admin/crm/<uuid:connection_id>/preview/",
        connections.preview,
        name="company_connection_preview",
    ),
    path(
        "admin/crm/<uuid:connection_id>/secret/",
        connections.secret,
        name="company_connection_secret",
    ),
    path(
        "admin/crm/<uuid:connection_id>/replay/",
        deliveries.replay_since,
        name="company_connection_replay",
    ),
    path(
        "admin/crm/<uuid:connection_id>/<slug:action>/",
        connections.act,
        name="company_connection_act",
    ),
]
