// A WebSocket to this server that is opened again when the server is back after a restart.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;

// Tells "open", "message", "lost" when the server is away, and "end" with a reason, after which
// nothing follows.
export class Wire extends EventTarget {
  #path;
  #socket = null;
  #timer = null;
  #wait = FIRST_WAIT_MS;
  #wasOpen = false;

  constructor(path) {
    super();
    this.#path = path;
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  // Sends if the server is there; what it would have to wait for is out of date by then.
  send(data) {
    if (this.isOpen) {
      this.#socket.send(data);
    }
  }

  open() {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${this.#path}`);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    let reason = null;
    socket.addEventListener("open", () => {
      this.#wasOpen = true;
      this.#wait = FIRST_WAIT_MS;
      this.#tell("open", {});
    });
    socket.addEventListener("message", ({ data }) => {
      const content = typeof data === "string" ? JSON.parse(data) : data;
      if (content.closed) {
        reason = content.closed;
      } else {
        this.#tell("message", content);
      }
    });
    socket.addEventListener("close", () => {
      if (this.#socket !== socket) {
        return; // this page closed it
      }
      if (reason !== null || !this.#wasOpen) {
        this.#end(reason ?? "The server does not answer.");
      } else {
        this.#tell("lost", {});
        this.#again();
      }
    });
  }

  close() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #again() {
    const socket = this.#socket;
    this.#timer = setTimeout(async () => {
      this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT_MS);
      const status = await fetch("/api/health").then(
        (answer) => answer.status,
        () => 0, // it is still away
      );
      if (this.#socket !== socket) {
        return; // closed meanwhile
      }
      if (status === 200) {
        this.open();
      } else if (status === 401) {
        this.#end("The server was started again with another token. Load this page again.");
      } else {
        this.#again();
      }
    }, this.#wait);
  }

  #end(reason) {
    this.close();
    this.#tell("end", { reason });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
