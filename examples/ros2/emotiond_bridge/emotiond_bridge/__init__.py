"""A bridge from emotiond's MQTT topics to ROS 2; `conversion` and `link` do not depend on ROS."""
