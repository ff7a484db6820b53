// Follows every device of the broker: a snapshot, then each message as it arrives.

const HISTORY_S = 3600;
const SLOT_S = 5;
const MAX_EVENTS = 20;
const RETRY_MS = 3000;
const EVENTS = ["state", "status", "info", "health", "event", "error"];

export class Feed extends EventTarget {
  broker = null;
  devices = new Map(); // by name, as /api/devices describes them
  received = 0;
  isComplete = false; // every device that the server knows is in `devices`
  #source = null;
  #timer = null;
  #listed = new Set(); // names of devices that exist, while the snapshot arrives in parts
  #onVisibility = () => this.#follow();

  // Only while the page is seen: a browser has six connections for all tabs of one server.
  start() {
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#follow();
  }

  #follow() {
    clearTimeout(this.#timer);
    if (document.hidden) {
      this.#source?.close();
    } else if (!this.#source || this.#source.readyState === EventSource.CLOSED) {
      this.#open();
    }
  }

  #open() {
    this.#source = new EventSource("/api/events");
    this.#source.addEventListener("open", () => {
      this.isComplete = false;
      this.#listed.clear();
    });
    this.#source.addEventListener("devices", ({ data }) => this.#snapshot(JSON.parse(data)));
    this.#source.addEventListener("broker", ({ data }) => {
      this.broker = JSON.parse(data).payload;
      this.#changed(null);
    });
    for (const name of EVENTS) {
      this.#source.addEventListener(name, ({ data }) => this.#take(JSON.parse(data)));
    }
    this.#source.addEventListener("error", () => {
      this.#changed(null);
      if (this.#source.readyState === EventSource.CLOSED) {
        // The server refused; the browser itself tries again only where nobody answers.
        this.#timer = setTimeout(() => this.#follow(), RETRY_MS);
      }
    });
  }

  stop() {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  get isOpen() {
    return this.#source?.readyState === EventSource.OPEN;
  }

  #snapshot({ broker, devices, more }) {
    this.broker = broker;
    for (const one of devices) {
      this.devices.set(one.device, one);
      this.#listed.add(one.device);
    }
    this.isComplete = !more;
    if (this.isComplete) {
      for (const name of this.devices.keys()) {
        if (!this.#listed.has(name)) {
          this.devices.delete(name); // it was removed while this page was not connected
        }
      }
      this.#listed.clear();
    }
    this.#changed(null);
  }

  #take({ device: name, name: topic, payload, retained }) {
    this.received += 1;
    if (payload === null && (topic === "status" || !this.devices.has(name))) {
      this.devices.delete(name); // it was removed from the broker
      this.#listed.delete(name);
      this.#changed(null);
      return;
    }
    const device = this.devices.get(name) ?? {
      device: name,
      status: null,
      modalities: {},
      state: null,
      info: null,
      health: null,
      history: [],
      events: [],
    };
    this.devices.set(name, device);
    if (!this.isComplete) {
      this.#listed.add(name);
    }
    if (topic === "status") {
      device.status = payload;
    } else if (topic.endsWith("/status")) {
      if (payload === null) {
        delete device.modalities[topic.split("/")[0]];
        this.#changed(name);
        return;
      }
      device.modalities[topic.split("/")[0]] = payload;
    } else if (topic === "event") {
      const { id, time, data } = payload;
      const others = device.events.filter((one) => one.id !== id);
      device.events = [{ id, time, ...data }, ...others].slice(0, MAX_EVENTS);
    } else if (topic === "error") {
      device.refusal = payload.data.reason;
    } else {
      device[topic] = payload?.data ?? null;
      if (topic === "state" && payload && !retained) {
        remember(device.history, payload.data);
      }
    }
    this.#changed(name);
  }

  #changed(name) {
    this.dispatchEvent(new CustomEvent("change", { detail: name }));
  }
}

// What a device is doing: online, paused, offline, or unknown.
export function conditionOf(device) {
  if (device.status !== "online") {
    return device.status ?? "unknown";
  }
  return device.state?.paused ? "paused" : "online";
}

function remember(history, { emotion, confidence, valence, arousal }) {
  const time = Date.now() / 1000;
  const point = [time, emotion, confidence, valence, arousal];
  if (history.length > 1 && time - history.at(-2)[0] < SLOT_S) {
    history[history.length - 1] = point;
  } else {
    history.push(point);
  }
  while (history.length && time - history[0][0] > HISTORY_S) {
    history.shift();
  }
}
