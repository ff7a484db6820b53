// The documentation of the API, made from openapi.json: no part of it comes from elsewhere.

import { fetchJson, h, wanted } from "./ui.js";

const FILES = { image: "face.jpg", audio: "voice.wav", video: "clip.mkv" };

const name = (reference) => reference.split("/").at(-1);

// A sentence whose parts between backticks are code.
const marked = (text) =>
  text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));

// What a schema says, in words.
function typeOf(schema) {
  if (schema.$ref) {
    return h("a", { href: `#${name(schema.$ref)}` }, name(schema.$ref));
  }
  if (schema.anyOf) {
    return h(
      "span",
      {},
      schema.anyOf.flatMap((one, index) => (index ? [" or ", typeOf(one)] : [typeOf(one)])),
    );
  }
  if (schema.enum) {
    return schema.enum.join(", ");
  }
  if (schema.type === "array") {
    return h("span", {}, "list of ", typeOf(schema.items ?? schema.prefixItems?.[0] ?? {}));
  }
  if (schema.type === "object" && schema.additionalProperties) {
    return h("span", {}, "by name: ", typeOf(schema.additionalProperties));
  }
  const bounds = [schema.minimum, schema.maximum].every((one) => one !== undefined)
    ? `, ${schema.minimum} to ${schema.maximum}`
    : "";
  return `${schema.type ?? "anything"}${bounds}`;
}

function example(path, method, operation) {
  const url = `${location.origin}${path.replace("{device}", "kiosk")}`;
  const content = operation.requestBody?.content ?? {};
  const form = content["multipart/form-data"]?.schema.properties;
  if (form) {
    const parts = Object.keys(form).map((one) =>
      one === "text" ? ` -F text='I am so happy!'` : ` -F ${one}=@${FILES[one]}`,
    );
    return `curl ${url}${parts.join("")}`;
  }
  if (content["application/json"]) {
    const body = path.endsWith("/pause") ? '{"paused": true}' : '{"text": "I am so happy!"}';
    return `curl ${url} --json '${body}'`;
  }
  return `curl ${path.endsWith("/events") ? "-N " : ""}${url}`;
}

function endpoint(path, method, operation) {
  const answers = Object.entries(operation.responses).map(([status, { description, content }]) => {
    const schema = Object.values(content)[0].schema;
    return h("tr", {}, h("td", {}, status), h("td", {}, description), h("td", {}, typeOf(schema)));
  });
  return h(
    "details",
    { class: "card" },
    h(
      "summary",
      {},
      h("span", { class: "method" }, method.toUpperCase()),
      h("code", {}, path),
      h("span", {}, marked(operation.summary)),
    ),
    h(
      "div",
      { class: "inside" },
      h("h3", {}, "Example"),
      h("pre", { tabindex: 0 }, example(path, method, operation)),
      h("h3", {}, "Answers"),
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["Status", "Meaning", "Type"].map((one) => h("th", { scope: "col" }, one)),
          ),
        ),
        h("tbody", {}, answers),
      ),
    ),
  );
}

function type(title, schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([key, one]) =>
    h("tr", {}, h("td", {}, h("code", {}, key)), h("td", {}, typeOf(one))),
  );
  return h(
    "details",
    { class: "card", id: title },
    h(
      "summary",
      { class: "type" },
      h("code", {}, title),
      h("span", {}, marked(schema.description ?? "")),
    ),
    h(
      "div",
      { class: "inside" },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["Field", "Type"].map((one) => h("th", { scope: "col" }, one)),
          ),
        ),
        h("tbody", {}, rows),
      ),
    ),
  );
}

function reveal() {
  const type = document.getElementById(wanted());
  if (type instanceof HTMLDetailsElement) {
    type.open = true;
    type.scrollIntoView();
  }
}

const description = await fetchJson("/openapi.json");
document
  .getElementById("endpoints")
  .append(
    ...Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => endpoint(path, method, operation)),
    ),
  );
document
  .getElementById("types")
  .append(
    ...Object.entries(description.components.schemas).map(([title, schema]) => type(title, schema)),
  );
addEventListener("hashchange", reveal);
reveal();
