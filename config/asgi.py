"""The web process: pages over HTTP, live events over WebSockets."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

# Models can be imported only after Django is set up.
from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

import config.urls  # noqa: E402, F401 - with every view, so that the first page is as quick as the next
from config.body_limit import BodyLimit  # noqa: E402
from synthesis.routing import websocket_urlpatterns as synthesis_sockets  # noqa: E402
from training.routing import websocket_urlpatterns as training_sockets  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(django_application),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter([*training_sockets, *synthesis_sockets]))
        ),
    }
)
