import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http = get_asgi_application()

from tenants.keyring import canary

canary.verify()

from channels.routing import ProtocolTypeRouter

from chat.live.http_frames import with_http_frames
from chat.live.sockets import socket_application
from config.middleware import dress

application = ProtocolTypeRouter(
    {"http": with_http_frames(http, dress), "websocket": socket_application}
)
