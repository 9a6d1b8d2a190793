"""The command line: Label Studio's own, with what the door changes of its server."""

from __future__ import annotations

import os
import socket
import threading
from typing import Any
from unittest import mock

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from label_studio_door.__main__ import main


def test_no_answer_waits_for_its_head_to_be_acknowledged() -> None:
    asked: list[int] = []

    class Handler(WSGIRequestHandler):
        def handle(self) -> None:
            accepted: Any = self.connection  # the stubs take it for Django's request
            asked.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    with mock.patch("label_studio.server.main") as started, mock.patch.dict(os.environ):
        main()
    assert started.called
    with ThreadedWSGIServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        socket.create_connection(("127.0.0.1", server.server_port)).close()
        serving.join()
    (without_delay,) = asked
    assert without_delay
