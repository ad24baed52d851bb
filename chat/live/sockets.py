"""The socket paths of both sites."""

from channels.routing import URLRouter

socket_application = URLRouter([])
