"""Between emotiond's MQTT topics and ROS 2: `conversion` and `link` know nothing of ROS."""
