// Chooses the view that the address names, and what every view needs.

import { cameraView } from "./camera.js";
import { devicesView } from "./devices.js";
import { filesView } from "./files.js";
import { tryView } from "./try.js";
import { fetchJson, h, show, wanted } from "./ui.js";

const VIEWS = { try: tryView, files: filesView, devices: devicesView, camera: cameraView };
const TITLES = { try: "Try it", files: "Files", devices: "Devices", camera: "Camera" };

const main = document.getElementById("view");
let current = null; // name of the view that is shown
let leave = () => {}; // frees what it holds
let health = null;

function route() {
  const [name, ...rest] = wanted().split("/");
  const view = Object.hasOwn(VIEWS, name) ? name : "try";
  if (view === current && view !== "devices") {
    return;
  }
  leave();
  const isFirst = current === null;
  current = view;
  document.title = `${TITLES[view]} – emotiond`;
  for (const link of document.querySelectorAll("nav a")) {
    link.toggleAttribute("aria-current", false);
    if (link.dataset.view === view) {
      link.setAttribute("aria-current", "page");
    }
  }
  main.replaceChildren();
  leave = VIEWS[view](main, health, rest.join("/")) ?? (() => {});
  if (!isFirst) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

async function start() {
  try {
    health = await fetchJson("/api/health");
  } catch (error) {
    main.replaceChildren(h("p", { class: "notice", role: "alert" }, error.message));
    return;
  }
  if (health.camera) {
    document.querySelector('nav a[data-view="camera"]').hidden = false;
    const banner = document.getElementById("banner");
    banner.hidden = false;
    show(
      banner,
      "This server shows the picture of its camera to whoever opens this page. Stop it once the camera is aimed.",
    );
  }
  addEventListener("hashchange", route);
  addEventListener("pagehide", () => leave());
  route();
}

start();
