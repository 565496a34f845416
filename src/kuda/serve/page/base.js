"use strict";
// The page of `kuda serve`: this file and result.js, lists.js, player.js, curve.js, video.js, start.js, joined in this
// order. It talks to the paths of openapi.json and to nobody else. Whatever comes from a clip or from the server becomes
// a text node, never markup.

const kModalities = ["text", "vision", "audio"];
const kEvidence = [
  ["unimodal", "by its own score, which is nearest to the score"],
  ["share", "by its share of the fusion, the largest"],
  ["removal", "by removal, which changes the score most"],
  ["ratio", "by the ratio that the model predicts, the largest"],
];
const kPageOfClips = 50;
const kSvg = "http://www.w3.org/2000/svg";  // a name: nothing is fetched from there
const kMinus = "\u2212";

const at = (id) => document.getElementById(id);

let token = "";      // in memory only
let model = null;    // GET /v1/model
let shown = null;    // what the result shows: {source, full, now, left}; full is with all modalities
let turn = 0;        // of the last request for a score: an answer that comes late is dropped
let listed = 0;      // clips in the list
let listTurn = 0;

// ---- elements -----------------------------------------------------------------------------------------------------

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") for (const [event, action] of Object.entries(value)) node.addEventListener(event, action);
    else if (name === "style") for (const [key, each] of Object.entries(value)) node.style.setProperty(key, each);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null));  // strings become text nodes
  return node;
}

const h = (name, properties = {}, ...children) => fill(document.createElement(name), properties, children);
const svg = (name, properties = {}, ...children) => fill(document.createElementNS(kSvg, name), properties, children);

// ---- numbers and words --------------------------------------------------------------------------------------------

const number = (value) => value.toFixed(3).replace(/^-(?=0\.000$)/, "").replace("-", kMinus);
const short = (value) => String(Number(value.toFixed(3))).replace("-", kMinus);  // labels, ends of the scale
const percent = (value) => `${Math.round(100 * value)} %`;
const signed = (value) => (Math.abs(value) < 0.0005 ? "\u00b1" : value > 0 ? "+" : "") + number(value);

function listOf(words) {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

const isTwoSided = () => model.score_low < 0 && model.score_high > 0;

function side(score) {
  if (!isTwoSided()) return "";
  return Math.abs(score) < 0.0005 ? "neutral" : score > 0 ? "positive" : "negative";
}

/// Per cent from the left end of the scale.
function place(score) {
  const share = (score - model.score_low) / (model.score_high - model.score_low);
  return 100 * Math.min(1, Math.max(0, share));
}

// ---- the server ---------------------------------------------------------------------------------------------------

class Refused extends Error {
  constructor(status, message, hint, retryAfter) {
    super(message);
    Object.assign(this, { status, hint, retryAfter });
  }
}

const kUnreachable = ["The server cannot be reached.", "It may have been stopped."];

function send(path, body, accept, signal) {
  const headers = { Accept: accept };
  if (token) headers.Authorization = `Bearer ${token}`;
  const options = { headers, cache: "no-store", signal };
  if (body !== undefined) {
    options.method = "POST";
    options.body = body instanceof FormData ? body : JSON.stringify(body);
    if (!(body instanceof FormData)) headers["Content-Type"] = "application/json";
  }
  return fetch(path, options);
}

async function refusalOf(answer) {
  const content = await answer.json().catch(() => null);
  const error = (content && content.error) || { message: `The server answered ${answer.status}.`, hint: "" };
  return new Refused(answer.status, error.message, error.hint, Number(answer.headers.get("Retry-After")) || 0);
}

async function ask(path, body) {
  const answer = await send(path, body, "application/json").catch(() => { throw new Refused(0, ...kUnreachable, 0); });
  if (!answer.ok) throw await refusalOf(answer);
  return answer.json().catch(() => { throw new Refused(0, ...kUnreachable, 0); });
}

/// The same for an answer that comes as events: `on` is called with the name and the data of each but the last one,
/// whose data are returned. `signal` (of an AbortController) ends it, also in the server.
async function askEvents(path, body, signal, on) {
  const lost = (failure) => { throw failure.name === "AbortError" ? failure : new Refused(0, ...kUnreachable, 0); };
  const answer = await send(path, body, "text/event-stream", signal).catch(lost);
  if (!answer.ok) throw await refusalOf(answer);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = "";;) {
    const { done, value } = await reader.read().catch(lost);
    if (done) throw new Refused(0, "The server broke off its answer.", "It may have been stopped.", 0);
    text += value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const [, name, data] = text.slice(0, end).match(/^event: (.*)\ndata: (.*)$/);
      text = text.slice(end + 2);
      const content = JSON.parse(data);
      if (name === "error") throw new Refused(400, content.error.message, content.error.hint, 0);
      if (name === "done") return content;
      on(name, content);
    }
  }
}

function clearAlert() {
  at("alert").replaceChildren();
}

function showError(error) {
  if (error.status === 401) return showTokenForm();
  const parts = [h("p", { class: "message" }, error.message)];
  if (error.hint) parts.push(h("p", {}, error.hint));
  at("alert").replaceChildren(...parts);
  intoView(at("alert"));
  if (!(error instanceof Refused)) throw error;  // a defect of this page: the console shows where
}

