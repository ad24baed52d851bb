import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http = get_asgi_application()

from tenants.keyring import canary  # noqa: E402  needs the apps loaded

canary.verify()

from channels.routing import ProtocolTypeRouter  # noqa: E402  needs the apps loaded

from chat.live.sockets import socket_application  # noqa: E402

application = ProtocolTypeRouter({"http": http, "websocket": socket_application})
