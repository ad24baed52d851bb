from django.urls import URLPattern, URLResolver, path

from chat.views import widget

urlpatterns: list[URLPattern | URLResolver] = [
    path("widget.js", widget.loader, name="widget_loader"),
    path("widget/", widget.frame, name="widget_frame"),
    path("widget/state", widget.state, name="widget_state"),
    path("widget/token", widget.token, name="widget_token"),
    path("widget/offline", widget.offline, name="widget_offline"),
    path("widget/logo", widget.logo, name="widget_logo"),
]
