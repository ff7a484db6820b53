"""The node: publishes emotiond's messages in ROS, and sends texts and the pause to emotiond."""

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

RECEIVE_INTERVAL_S = 0.02
"""Interval at which received messages are published."""
DIAGNOSTICS_INTERVAL_S = 1.0
QUEUE_LENGTH = 1000
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""Late subscribers get the newest message, as with MQTT's retained messages."""
QUEUED = QoSProfile(depth=100)


class Bridge(Node):
    """Publishes ~/state, ~/event and /diagnostics; subscribes to ~/text; serves ~/pause."""

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
        self._received: queue.Queue[tuple[str, bytes]] = queue.Queue(QUEUE_LENGTH)
        self._states = self.create_publisher(Emotion, "~/state", LATCHED)
        self._events = self.create_publisher(EmotionEvent, "~/event", QUEUED)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", QUEUED)
        self.create_subscription(String, "~/text", self._send_text, QUEUED)
        self.create_service(SetBool, "~/pause", self._pause)
        self.create_timer(RECEIVE_INTERVAL_S, self._handle_messages)
        self.create_timer(DIAGNOSTICS_INTERVAL_S, self._diagnose)
        self._link = Link(Broker(**settings), self._receive, self._lose)
        self._link.start()

    def stop(self) -> None:
        """Disconnects from the broker."""
        self._link.stop()

    def _receive(self, path: str, payload: bytes) -> None:
        """Queues a message in the network thread, because only the executor may use rclpy."""
        try:
            self._received.put_nowait((path, payload))
        except queue.Full:
            self.get_logger().warning("the executor is too slow; a message is lost")

    def _lose(self, reason: str) -> None:
        self._receive("lost", reason.encode())

    def _handle_messages(self) -> None:
        while True:
            try:
                path, payload = self._received.get_nowait()
            except queue.Empty:
                return
            try:
                self._handle_message(path, payload)
            except ValueError as error:
                self.get_logger().warning(f"{path} ignored: {error}", throttle_duration_sec=10.0)

    def _handle_message(self, path: str, payload: bytes) -> None:
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
            self.get_logger().warning("a text is lost: the broker did not accept it")

    def _pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success = self._link.pause(request.data)
        response.message = "sent" if response.success else "the broker did not accept it"
        return response


def _filled(message, fields):
    set_message_fields(message, fields)
    return message


def main() -> None:
    """Runs the node until it is stopped."""
    rclpy.init()
    bridge = Bridge()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(bridge)
    bridge.stop()
    bridge.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
