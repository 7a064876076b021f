"""The web server: `python -m config.web [--host H] [--port N | --fd N]`."""

from __future__ import annotations

import argparse
import socket

import uvicorn

from config import env

PING_SECONDS = 20.0  # a proxy that cuts silent connections after 75 s never sees a silent socket


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m config.web", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--fd", type=int, help="a listening socket that the parent has opened")
    options = parser.parse_args()
    proxy = env.text("MOKSORI_PROXY")
    server = uvicorn.Server(
        uvicorn.Config(
            "config.asgi:application",
            host=options.host,
            port=options.port,
            lifespan="off",  # Django has none
            log_config=None,  # Django's logging is in charge
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxy),  # who asks, as our own proxy tells it; anyone else could tell anything
            forwarded_allow_ips=proxy,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            ws_max_size=64 * 1024,  # a page only ever says from which event on it wants to hear
            timeout_graceful_shutdown=3,  # open sockets would hold an ending server for ever
        )
    )
    # socket.socket finds out the family itself; uvicorn's own --fd takes every socket for a Unix one, and with that
    # loses TCP_NODELAY.
    server.run(sockets=[socket.socket(fileno=options.fd)] if options.fd is not None else None)


if __name__ == "__main__":
    main()
