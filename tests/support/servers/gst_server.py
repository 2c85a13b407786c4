"""A process that serves a video over RTSP with GStreamer: `/usr/bin/python3 tests/support/servers/gst_server.py FILE
PAYLOADER [USER PASSWORD]`, with Debian's python3-gi, gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-good. Prints
its port."""

import sys
from typing import Any

import gi

for name in ("Gst", "GstRtsp", "GstRtspServer"):
    gi.require_version(name, "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


def login(user: str, password: str) -> Any:
    """Digest, for all that is allowed to the role of that user."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(user, password, token)
    return auth


def main(file: str, payloader: str, *who: str) -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_service("0")
    server.set_address("127.0.0.1")
    factory = GstRtspServer.RTSPMediaFactory()
    demuxer = "avidemux" if file.endswith(".avi") else "qtdemux"
    factory.set_launch(f"( filesrc location={file} ! {demuxer} ! {payloader} name=pay0 pt=96 )")
    if who:
        server.set_auth(login(*who))
        factory.add_role_from_structure(
            Gst.Structure.new_from_string("viewer, media.factory.access=true, media.factory.construct=true")
        )
    server.get_mount_points().add_factory("/stream", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
