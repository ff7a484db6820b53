"use strict";

// The broker and the device that the page shows; anyone who can open the page can read this file.
const SETTINGS = {
  broker: "ws://localhost:9001", // the broker's websockets listener; wss:// if it uses TLS
  prefix: "emotion", // mqtt.prefix of the device
  device: "kiosk", // mqtt.device of the device
  username: "", // "" if the broker needs none; `page` in configs/mosquitto/acl is for this page
  password: "",
};
