import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http = get_asgi_application()

from tenants.keyring import canary  # noqa: E402  needs the apps loaded

canary.verify()

from channels.routing import ProtocolTypeRouter  # noqa: E402  needs the apps loaded

from chat.live.http_frames import with_http_frames  # noqa: E402
from chat.live.sockets import socket_application  # noqa: E402
from config.middleware import dress  # noqa: E402

application = ProtocolTypeRouter(
    {"http": with_http_frames(http, dress), "websocket": socket_application}
)
