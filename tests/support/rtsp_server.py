"""A network camera: `/usr/bin/python3 tests/support/rtsp_server.py PORT USER PASSWORD`.

GStreamer's RTSP server, with the system's Python (Debian: gir1.2-gst-rtsp-server-1.0
python3-gst-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly). It streams a moving ball as
rtsp://127.0.0.1:PORT/stream, which freezes and moves again at SIGUSR1, and asks for a password.
"""

import signal
import sys

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import (  # type: ignore[import-not-found]  # noqa: E402
    GLib,
    Gst,
    GstRtspServer,
)

PIPELINE = """
( videotestsrc name=scene is-live=true pattern=ball
! video/x-raw,width=320,height=240,framerate=15/1
! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=300
! rtph264pay name=pay0 pt=96 )"""
BALL, BARS = 18, 13
PATH = "/stream"


def main() -> None:
    port, user, password = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer(service=port, address="127.0.0.1")
    factory = GstRtspServer.RTSPMediaFactory(launch=PIPELINE, shared=True)
    scenes = []

    def configured(_factory: object, media: "GstRtspServer.RTSPMedia") -> None:
        scenes.append(media.get_element().get_by_name_recurse_up("scene"))

    def toggle() -> bool:
        for scene in scenes:
            moves = int(scene.get_property("pattern")) == BALL
            scene.set_property("pattern", BARS if moves else BALL)
        return True

    factory.connect("media-configure", configured)
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)
    server.get_mount_points().add_factory(PATH, factory)
    server.attach(None)
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGUSR1, toggle)
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
