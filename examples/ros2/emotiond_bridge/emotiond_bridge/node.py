"""The node: what emotiond tells as ROS messages, and texts and the pause back to it."""

import contextlib
import queue

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from emotiond_msgs.msg import Emotion, EmotionEvent
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosidl_runtime_py.set_message import set_message_fields
from std_msgs.msg import String
from std_srvs.srv import SetBool

from emotiond_bridge import conversion
from emotiond_bridge.link import Broker, Link

TAKE_S = 0.02
"""How often what the network received is handed on."""
DIAGNOSE_S = 1.0
QUEUED = 1000
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""Who subscribes late gets the newest, as with MQTT's retained messages."""
EVERY_ONE = QoSProfile(depth=100)


class Bridge(Node):
    """Publishes ~/state, ~/event and /diagnostics; hears ~/text; serves ~/pause."""

    def __init__(self) -> None:
        super().__init__("emotiond")
        self._frame_id = self.declare_parameter("frame_id", "camera_link").value
        defaults = Broker("localhost", 1883, "emotion", "robot")
        settings = {
            name: self.declare_parameter(name, default).value
            for name, default in vars(defaults).items()
        }
        self._device = settings["device"]
        self._online: bool | None = None
        self._statuses: dict[str, str] = {}
        self._received: queue.Queue[tuple[str, bytes]] = queue.Queue(QUEUED)
        self._states = self.create_publisher(Emotion, "~/state", LATCHED)
        self._events = self.create_publisher(EmotionEvent, "~/event", EVERY_ONE)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", EVERY_ONE)
        self.create_subscription(String, "~/text", self._send_text, EVERY_ONE)
        self.create_service(SetBool, "~/pause", self._pause)
        self.create_timer(TAKE_S, self._take_all)
        self.create_timer(DIAGNOSE_S, self._diagnose)
        self._link = Link(Broker(**settings), self._receive, self._lose)
        self._link.start()

    def stop(self) -> None:
        """Leaves the broker."""
        self._link.stop()

    def _receive(self, path: str, payload: bytes) -> None:
        """In the network's thread: rclpy's objects are the executor's."""
        try:
            self._received.put_nowait((path, payload))
        except queue.Full:
            self.get_logger().warning("the executor is too slow: a message is lost")

    def _lose(self, reason: str) -> None:
        self._receive("lost", reason.encode())

    def _take_all(self) -> None:
        while True:
            try:
                path, payload = self._received.get_nowait()
            except queue.Empty:
                return
            try:
                self._take(path, payload)
            except ValueError as error:
                self.get_logger().warning(f"{path} ignored: {error}", throttle_duration_sec=10.0)

    def _take(self, path: str, payload: bytes) -> None:
        if path == "lost":
            self.get_logger().warning(payload.decode(), throttle_duration_sec=60.0)
            self._online, self._statuses = None, {}
        elif path == "status":
            self._online = payload == b"online"
        elif path == "state":
            fields = conversion.emotion(payload, self._frame_id)
            self._states.publish(_filled(Emotion(), fields))
        elif path == "event":
            fields = conversion.emotion_event(payload, self._frame_id)
            self._events.publish(_filled(EmotionEvent(), fields))
        elif path.endswith("/status"):
            self._statuses[path.split("/", maxsplit=1)[0]] = payload.decode(errors="replace")

    def _diagnose(self) -> None:
        fields = conversion.diagnostic_status(self._device, self._online, self._statuses)
        message = DiagnosticArray(status=[_filled(DiagnosticStatus(), fields)])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _send_text(self, message: String) -> None:
        if not self._link.send_text(message.data):
            self.get_logger().warning("a text is lost: the broker did not take it")

    def _pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success = self._link.pause(request.data)
        response.message = "sent" if response.success else "the broker did not take it"
        return response


def _filled(message, fields):
    set_message_fields(message, fields)
    return message


def main() -> None:
    """Runs the node until it is told to stop."""
    rclpy.init()
    bridge = Bridge()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(bridge)
    bridge.stop()
    bridge.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
