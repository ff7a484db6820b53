// Devices: everything that a broker's devices publish, live.

import { DeviceDetail } from "./device-detail.js";
import { capital } from "./emotions.js";
import { Feed, conditionOf } from "./feed.js";
import { drawHistory } from "./history.js";
import { emotion, h, percent, setEmotion, setTrack, show, track } from "./ui.js";

const RENDER_MS = 200;

const feed = new Feed(); // keeps what was last known while other views are shown

export function devicesView(main, health, chosen) {
  const state = h("p", { class: "broker" });
  const search = h("input", { type: "text", id: "search", placeholder: "Find a device …" });
  const grid = h("ul", { class: "devices" });
  const empty = h("div", { class: "card empty", hidden: true });
  const body = h("div", {}, grid, empty);
  const finder = h(
    "div",
    { class: "finder" },
    h("label", { class: "hidden", for: "search" }, "Find a device"),
    search,
  );
  const title = h("h1", {}, chosen || "Devices");
  const head = h(
    "div",
    { class: "head" },
    h(
      "div",
      {},
      chosen ? h("a", { class: "back", href: "#devices" }, "← All devices") : null,
      title,
      state,
    ),
    chosen ? null : finder,
  );
  main.append(head, body);

  const tiles = new Map();
  let detail = null;
  const dirty = new Set();
  let all = true;
  let timer = null;

  function render() {
    timer = null;
    show(state, brokerText(feed));
    if (chosen) {
      renderDetail();
    } else {
      renderGrid();
    }
    dirty.clear();
    all = false;
  }

  function renderGrid() {
    const wanted = search.value.trim().toLowerCase();
    for (const [name, device] of feed.devices) {
      let tile = tiles.get(name);
      if (!tile) {
        tile = new Tile(name);
        tiles.set(name, tile);
        const after = [...tiles.keys()].filter((one) => one > name).sort()[0];
        grid.insertBefore(tile.element, after === undefined ? null : tiles.get(after).element);
      }
      if (all || dirty.has(name)) {
        tile.show(device);
      }
      tile.element.hidden = !name.toLowerCase().includes(wanted);
    }
    for (const [name, tile] of tiles) {
      if (!feed.devices.has(name)) {
        tile.element.remove();
        tiles.delete(name);
      }
    }
    grid.dataset.received = feed.received;
    empty.hidden = feed.devices.size > 0 || !feed.isComplete;
    finder.hidden = feed.devices.size === 0;
    if (!empty.hidden) {
      empty.replaceChildren(...whyEmpty(feed.broker));
    }
  }

  function renderDetail() {
    const device = feed.devices.get(chosen);
    empty.hidden = Boolean(device) || !feed.isComplete;
    if (!empty.hidden) {
      empty.replaceChildren(
        h("h2", {}, `No device is called ${chosen}`),
        h("p", {}, "It has not published anything to this broker."),
      );
    }
    if (!device) {
      detail?.element.remove();
      detail = null;
    } else {
      detail ??= new DeviceDetail(chosen);
      if (!detail.element.isConnected) {
        body.prepend(detail.element);
      }
      detail.show(device);
    }
  }

  const schedule = () => (timer ??= setTimeout(render, RENDER_MS));
  const changed = ({ detail: name }) => {
    name === null ? (all = true) : dirty.add(name);
    schedule();
  };
  feed.addEventListener("change", changed);
  search.addEventListener("input", schedule);
  const ticking = setInterval(schedule, 5000);
  const redraw = () => changed({ detail: null });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", redraw);
  addEventListener("resize", redraw);
  feed.start();
  return () => {
    clearTimeout(timer);
    clearInterval(ticking);
    dark.removeEventListener("change", redraw);
    removeEventListener("resize", redraw);
    feed.removeEventListener("change", changed);
    feed.stop();
  };
}

// Why there is no device, and what to do.
function whyEmpty({ connected, reason, address }) {
  const elsewhere = [
    "Is the broker elsewhere? Start this server with ",
    h("code", {}, "--config"),
    " and the daemon's configuration.",
  ];
  if (!connected) {
    return [
      h("h2", {}, "The broker cannot be reached"),
      h("p", {}, `${capital(reason || address)}. Its devices appear here as soon as it answers.`),
      h("p", {}, elsewhere),
    ];
  }
  return [
    h("h2", {}, "No devices yet"),
    h("p", {}, "A device appears here as soon as it publishes to this broker."),
    h("pre", {}, "emotiond run\nemotiond demo --web"),
    h("p", {}, elsewhere),
  ];
}

function brokerText(feed) {
  if (feed.broker === null) {
    return feed.isOpen ? "Asking the broker …" : "No connection to the server; trying again.";
  }
  if (!feed.isOpen) {
    return "No connection to the server; trying again. What is shown may be old.";
  }
  if (!feed.broker.connected) {
    return `Broker ${feed.broker.address}: no connection`;
  }
  const online = [...feed.devices.values()].filter((one) => one.status === "online").length;
  return `Broker ${feed.broker.address}: ${online} of ${feed.devices.size} online`;
}

// A device in the list.
class Tile {
  #name = emotion("unknown");
  #bar = track("Confidence", 0);
  #figure = h("span", { class: "figure" });
  #history = h("canvas", {});
  #state = h("span", { class: "device-state" });
  #problem = h("p", { class: "device-problem" });

  constructor(name) {
    this.element = h(
      "li",
      {},
      h(
        "a",
        { class: "card device", href: `#devices/${encodeURIComponent(name)}` },
        h("span", { class: "device-head" }, h("strong", {}, name), this.#state),
        h("span", { class: "device-now" }, this.#name, this.#figure),
        this.#bar,
        this.#history,
        h("span", { class: "device-hour" }, h("span", {}, "an hour ago"), h("span", {}, "now")),
        this.#problem,
      ),
    );
  }

  show(device) {
    const condition = conditionOf(device);
    const state = condition === "online" ? device.state : null;
    this.element.dataset.condition = condition;
    show(this.#state, condition);
    const isQuiet = !state || (!state.faces && state.emotion === "unknown");
    setEmotion(this.#name, state?.emotion ?? "unknown", isQuiet ? quietly(condition) : undefined);
    setTrack(this.#bar, state?.confidence ?? 0, state?.emotion ?? "unknown");
    show(this.#figure, state && state.confidence ? percent(state.confidence) : "");
    drawHistory(this.#history, device.history);
    show(this.#problem, problemsOf(device).join(" · "));
  }
}

// What a device without a belief shows in its place.
function quietly(condition) {
  return { online: "Nobody in view", paused: "Nothing is captured" }[condition] ?? "Not connected";
}

function problemsOf(device) {
  if (device.status !== "online") {
    return [];
  }
  return Object.entries(device.modalities)
    .filter(([, status]) => status.startsWith("degraded"))
    .map(([name, status]) => `${name}: ${status.replace(/^degraded: /, "")}`);
}
