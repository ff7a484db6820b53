"use strict";

// What the page connects to; anybody who can open the page can read this file.
const SETTINGS = {
  broker: "ws://localhost:9001", // the broker's websockets listener; wss:// where it has TLS
  prefix: "emotion", // mqtt.prefix of the device
  device: "kiosk", // and its mqtt.device
  username: "", // "" where the broker asks for none; configs/mosquitto/acl has `page` for this
  password: "",
};
