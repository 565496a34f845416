"use strict";
// The page of `kuda serve`. It talks to the paths of openapi.json and to nobody else. Whatever comes from a clip or
// from the server becomes a text node, never markup.

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
let shown = null;    // what the result shows: {source, full, now, left}
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

async function ask(path, body) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const options = { headers, cache: "no-store" };
  if (body !== undefined) {
    options.method = "POST";
    options.body = body instanceof FormData ? body : JSON.stringify(body);
    if (!(body instanceof FormData)) headers["Content-Type"] = "application/json";
  }
  let answer;
  let content = null;
  try {
    answer = await fetch(path, options);
    content = await answer.json();
  } catch (failure) {
    if (!answer) throw new Refused(0, "The server cannot be reached.", "It may have been stopped.", 0);
  }
  if (answer.ok && content !== null) return content;
  const error = (content && content.error) || { message: `The server answered ${answer.status}.`, hint: "" };
  throw new Refused(answer.status, error.message, error.hint, Number(answer.headers.get("Retry-After")) || 0);
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

// ---- what is scored -----------------------------------------------------------------------------------------------

/// The body of a request. `source` is {clip: a clip of the data} or {text, files: {vision: File, ...}}.
function bodyOf(source, left, extra) {
  if (source.clip) return { clip: source.clip.id, without: left, ...extra };
  const files = Object.entries(source.files);
  if (files.length === 0) return { text: source.text, without: left, ...extra };
  const form = new FormData();
  if (source.text) form.append("text", source.text);
  for (const [name, file] of files) form.append(name, file);
  if (left.length > 0) form.append("without", left.join(","));
  for (const [name, value] of Object.entries(extra)) form.append(name, String(value));
  return form;
}

function ownSource() {
  const files = {};
  for (const input of at("file-inputs").querySelectorAll("input"))
    if (input.files.length > 0) files[input.name] = input.files[0];
  return { text: at("text-part").hidden ? "" : at("text").value, files };
}

const isBusy = (is) => {
  if (is) document.body.setAttribute("aria-busy", "true");
  else document.body.removeAttribute("aria-busy");
  at("waiting").hidden = !is;
  markStale();
};

/// The own text and files of the score that is shown are no longer those above: it says so until they are scored, or are
/// as they were.
function markStale() {
  let changed = "";
  if (shown && !shown.source.clip) {
    const { text, files } = ownSource();
    const names = [...new Set([...Object.keys(files), ...Object.keys(shown.source.files)])];
    if (text !== shown.source.text) changed = "text";
    else if (names.some((name) => files[name] !== shown.source.files[name])) changed = "files";
  }
  at("stale").hidden = changed === "";
  at("stale").textContent = changed ? `Of another clip: the ${changed} above changed since. Score it again.` : "";
  at("result").classList.toggle("old", changed !== "" || !at("waiting").hidden);
}

/// Scores a source with all its modalities; `left` of what is shown is scored by `leaveOut`.
async function score(source) {
  const mine = ++turn;
  clearAlert();
  isBusy(true);
  try {
    const full = await ask("v1/explain", bodyOf(source, [], { attention: true }));
    if (mine !== turn) return;
    shown = { source, full, now: full, left: [] };
    for (const button of at("clips").querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(Boolean(source.clip) && button.dataset.id === source.clip.id));
    showSwitches();
    showResult();
    intoView(at("result"));
    showNearest(mine);
  } catch (error) {
    if (mine === turn) showError(error);
  } finally {
    if (mine === turn) isBusy(false);
  }
}

async function leaveOut(left) {
  const mine = ++turn;
  clearAlert();
  isBusy(true);
  try {
    const now = left.length > 0 ? await ask("v1/explain", bodyOf(shown.source, left, { attention: true })) : shown.full;
    if (mine !== turn) return;
    shown.now = now;
    shown.left = left;
    showResult();
    showNearest(mine);
  } catch (error) {
    if (mine !== turn) return;
    showSwitches();
    showError(error);
  } finally {
    if (mine === turn) isBusy(false);
  }
}

function intoView(node) {
  const box = node.getBoundingClientRect();
  if (box.top >= 0 && box.top < window.innerHeight * 0.6) return;
  const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  node.scrollIntoView({ block: "start", behavior: isCalm ? "auto" : "smooth" });
}

// ---- the result ---------------------------------------------------------------------------------------------------

/// Modalities that the clip has and the model reads, before anything is left out.
const present = () => kModalities.filter((name) => shown.full.without[name] !== null);

function showResult() {
  at("nothing-yet").hidden = true;
  at("result").hidden = false;
  showScored();
  showScore();
  showChange();
  showModalities();
  showEvidence();
  showAttention();
}

function labelWords(clip) {
  const words = [];
  if (clip.label !== null) words.push(`label ${short(clip.label)}`);
  for (const name of kModalities) if (clip.labels[name] !== null) words.push(`${name} ${short(clip.labels[name])}`);
  return words.join(", ");
}

function showScored() {
  const { source } = shown;
  const text = source.clip ? source.clip.text : source.text;
  const about = source.clip
    ? [source.clip.id, source.clip.split, labelWords(source.clip)].filter(Boolean).join(" \u00b7 ")
    : Object.entries(source.files).map(([name, file]) => `${name}: ${file.name}`).join(" \u00b7 ");
  at("scored").replaceChildren(
    ...[text ? h("blockquote", {}, text) : null, about ? h("p", { class: "small" }, about) : null].filter(Boolean));
  const cuts = Object.entries(shown.now.cut || {}).map(([name, { from, to }]) =>
    `${to} of ${from} ${name === "text" && model.text === "raw" ? "word pieces of the text" : `frames of ${name}`}`);
  at("cut").hidden = cuts.length === 0;
  at("cut").textContent = cuts.length > 0 ? `Too long for the model, which read only ${listOf(cuts)}.` : "";
}

function intervalWords() {
  const { interval, far_input: far } = shown.now;
  const names = kModalities.filter((name) => far[name]);
  if (names.length > 0)
    return `Values of ${names.join(" and ")} are more than ten times as large as any in training: ` +
      "the score says little.";
  if (interval)
    return `The label lies between ${number(interval.low)} and ${number(interval.high)} with a probability of ` +
      `${percent(interval.level)}, for clips like those that the model was validated on.`;
  if (!model.interval) return "No interval: the model was never calibrated.";
  const read = kModalities.filter((name) => model.inputs[name] !== null);
  if (read.some((name) => !present().includes(name) || shown.left.includes(name)))
    return "No interval: it holds for clips with every modality.";
  return `No interval: too few validation clips for ${percent(model.interval.level)}.`;
}

function showScore() {
  const { now, full, left, source } = shown;
  const word = side(now.score);
  const low = short(model.score_low);
  const high = short(model.score_high);
  const scaleWords = `on a scale from ${low} to ${high}${now.outside_range ? ", and outside it" : ""}`;
  at("headline").replaceChildren(
    h("data", { id: "score", value: now.score }, number(now.score)), word ? `${word}, ${scaleWords}` : scaleWords);
  at("interval").replaceChildren(intervalWords());

  const scale = [h("span", { class: "track" })];
  const tick = (value, name, words) => [
    h("span", { class: "tick", style: { left: `${place(value)}%` } }),
    h("span", { class: `words below ${name}`, style: name ? {} : { left: `${place(value)}%` } }, words),
  ];
  if (now.interval) {
    const [from, to] = [place(now.interval.low), place(now.interval.high)];
    scale.push(h("span", { class: "band", style: { left: `${from}%`, width: `${to - from}%` } }));
  }
  scale.push(...tick(model.score_low, "low-end", low), ...tick(model.score_high, "high-end", high));
  if (isTwoSided()) scale.push(...tick(0, "", "0"));
  const described = [`Score ${number(now.score)} ${scaleWords}.`];
  if (now.interval) described.push(`Interval from ${number(now.interval.low)} to ${number(now.interval.high)}.`);
  if (source.clip && source.clip.label !== null) {
    scale.push(h("span", { class: "label", style: { left: `${place(source.clip.label)}%` } }));
    scale.push(h("span", { class: "words below second", style: { left: `${inner(place(source.clip.label))}%` } },
      `\u25c7 label ${short(source.clip.label)}`));
    described.push(`Label ${short(source.clip.label)}.`);
  }
  if (left.length > 0) {
    scale.push(h("span", { class: "mark before", style: { left: `${place(full.score)}%` } }));
    described.push(`With everything ${number(full.score)}.`);
  }
  scale.push(h("span", { class: "mark", style: { left: `${place(now.score)}%` } }));
  scale.push(h("span", { class: "words above", style: { left: `${inner(place(now.score))}%` } }, number(now.score)));
  at("scale").replaceChildren(...scale);
  at("scale").setAttribute("aria-label", described.join(" "));
  at("announcement").textContent =
    `Score ${number(now.score)}, ${word ? `${word}, ` : ""}${scaleWords}. ${at("interval").textContent}`;
}

/// Words under a mark near an end of the scale stay on the page.
const inner = (percentage) => Math.min(92, Math.max(8, percentage));

// ---- switches -----------------------------------------------------------------------------------------------------

function showSwitches() {
  const there = present();
  at("switch-list").replaceChildren(...kModalities.map((name) => {
    const isRead = model.inputs[name] !== null;
    const input = h("input", {
      type: "checkbox", role: "switch", id: `use-${name}`, value: name, disabled: !there.includes(name),
      checked: there.includes(name) && !shown.left.includes(name), on: { change: switched },
    });
    const note = !isRead ? " (the model does not read it)" : !there.includes(name) ? " (the clip has none)" : "";
    return h("label", { class: "choice", for: `use-${name}` }, input, name + note);
  }));
}

function switched(event) {
  const inputs = [...at("switch-list").querySelectorAll("input:not(:disabled)")];
  const left = inputs.filter((input) => !input.checked).map((input) => input.value);
  if (left.length === inputs.length) {
    event.target.checked = true;
    at("change").replaceChildren("One modality must stay.");
    return;
  }
  leaveOut(left);
}

function showChange() {
  const { now, full, left } = shown;
  if (left.length === 0) {
    at("change").replaceChildren("Switch one off to see what the model says without it.");
    return;
  }
  const change = now.score - full.score;
  at("change").replaceChildren(
    `Without ${listOf(left)}: ${number(now.score)}, that is `,
    h("data", { id: "difference", value: change }, signed(change)), ` against ${number(full.score)} with everything.`);
}

// ---- what each modality says --------------------------------------------------------------------------------------

/// LayerNorm can give every modality the same share; then its largest one says nothing.
function sharesDiffer() {
  const shares = kModalities.map((name) => shown.now.share[name]).filter((share) => share !== null);
  return shares.length < 2 || Math.max(...shares) - Math.min(...shares) >= 0.005;
}

const leadsMark = (isLeading) => (isLeading ? [" ", h("span", { class: "leads" }, "leads")] : []);

function bar(share) {
  return h("span", { class: "bar", "aria-hidden": "true" },
    h("span", { style: { width: `${100 * Math.min(1, Math.max(0, share))}%` } }));
}

function showModalities() {
  const { now } = shown;
  const empty = () => h("td", {}, h("span", { "aria-label": "none" }, "\u2013"));
  const hasRatio = now.leading.ratio !== null;
  at("ratio-title").hidden = !hasRatio;
  at("modalities").tBodies[0].replaceChildren(...kModalities.map((name) => {
    const own = now.unimodal[name];
    const share = now.share[name];
    const without = now.without[name];
    const isLeading = (kind) => leadsMark(now.leading[kind] === name && (kind !== "share" || sharesDiffer()));
    return h("tr", { "data-modality": name },
      h("th", { scope: "row" }, name),
      own === null ? empty() : h("td", {}, h("data", { value: own }, number(own)), ...isLeading("unimodal")),
      share === null ? empty()
        : h("td", {}, h("data", { value: share }, percent(share)), ...isLeading("share"), bar(share)),
      without === null ? empty()
        : h("td", {}, h("data", { value: without }, number(without)), ` (${signed(without - now.score)})`,
          ...isLeading("removal")),
      ...(!hasRatio ? [] : [now.ratio[name] === null ? empty()
        : h("td", {}, h("data", { value: now.ratio[name] }, percent(now.ratio[name])), ...isLeading("ratio"),
          bar(now.ratio[name]))]));
  }));
}

/// "0.411 = text 0.350 + audio 0.100 + together \u22120.039", where the model's score is such a sum.
function sumOfParts({ score, parts }) {
  if (parts.correction === null) return "";
  const known = kModalities.filter((name) => parts[name] !== null);
  return `${number(score)} = ${known.map((name) => `${name} ${number(parts[name])} + `).join("")}together ${number(parts.correction)}`;
}

function showEvidence() {
  const { leading } = shown.now;
  const known = kEvidence.filter(([kind]) => leading[kind] !== null && (kind !== "share" || sharesDiffer()));
  const names = new Set(known.map(([kind]) => leading[kind]));
  const items = known.map(([kind, meaning]) => h("li", {}, h("strong", {}, leading[kind]), ` ${meaning}`));
  if (!sharesDiffer()) items.push(h("li", {}, h("strong", {}, "none"), " by its share of the fusion: the shares are equal"));
  const verdict = known.length < 2 ? "" : names.size === 1 ? " Here they agree." : " Here they disagree.";
  at("sum").textContent = sumOfParts(shown.now);
  at("evidence").replaceChildren(
    h("p", {}, known.length === 0 ? "Nothing says which modality leads." : "Which modality leads?"), h("ul", {}, items),
    h("p", { class: "hint" }, known.length === 0 ? "" : "These kinds of evidence answer different questions and may " +
      `disagree; none of them proves a cause.${verdict}`));
}

// ---- attention ----------------------------------------------------------------------------------------------------

let attentionTo = "";

function showAttention() {
  const maps = kModalities.filter((name) => shown.now.attention[name] !== null);
  at("attention").hidden = maps.length === 0;
  if (maps.length === 0) return;
  if (!maps.includes(attentionTo)) attentionTo = maps[0];
  const choices = at("attention-choice").querySelector(".row");
  choices.replaceChildren(...maps.map((name) => h("label", { class: "choice" },
    h("input", {
      type: "radio", name: "attention-to", value: name, checked: name === attentionTo,
      on: { change: () => { attentionTo = name; showMap(); } },
    }), name)));
  showMap();
}

function showMap() {
  const rows = shown.now.attention[attentionTo];
  const tokens = shown.now.tokens && shown.now.tokens.length === rows.length ? shown.now.tokens
    : rows.map((_, row) => `position ${row + 1}`);
  const columns = rows[0].length;
  const most = Math.max(...rows.map((row) => Math.max(...row)), Number.MIN_VALUE);
  const size = columns > 60 ? 10 : columns > 30 ? 14 : 20;
  const gutter = 16 + 7.5 * Math.min(24, Math.max(...tokens.map((word) => [...word].length)));
  const cut = (word) => ([...word].length > 24 ? `${[...word].slice(0, 23).join("")}\u2026` : word);
  const top = 22;
  const height = Math.max(size, 15);
  const parts = [];
  for (let column = 0; column < columns; column += column === 0 ? 4 : 5)
    parts.push(svg("text", { class: "column", x: gutter + (column + 0.5) * size, y: top - 7, "text-anchor": "middle" },
      String(column + 1)));
  rows.forEach((row, y) => {
    parts.push(svg("text", { class: "piece", x: gutter - 6, y: top + (y + 0.5) * height + 4, "text-anchor": "end" },
      cut(tokens[y])));
    row.forEach((weight, x) => {
      parts.push(svg("rect", {
        class: "cell", x: gutter + x * size, y: top + y * height, width: size, height,
        "fill-opacity": (weight / most).toFixed(3),
      }, svg("title", {}, `${tokens[y]} to step ${x + 1}: ${weight.toFixed(3)}`)));
    });
  });
  parts.push(svg("rect", { class: "frame", x: gutter, y: top, width: columns * size, height: rows.length * height }));
  const width = gutter + columns * size + 8;
  const total = top + rows.length * height + 8;
  at("map").replaceChildren(svg("svg", {
    width, height: total, viewBox: `0 0 ${width} ${total}`, role: "img",
    "aria-label": `Attention of ${rows.length} word pieces to ${columns} steps of ${attentionTo}. ` +
      `The strongest cell is ${most.toFixed(3)}; each row sums to 1. In words below.`,
  }, ...parts));
  at("map-words").replaceChildren(h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Word piece"), h("th", { scope: "col" }, "Attends most to"))),
    h("tbody", {}, rows.map((row, y) =>
      h("tr", {}, h("th", { scope: "row" }, tokens[y]), h("td", {}, strongest(row)))))));
}

function strongest(row) {
  const steps = row.map((weight, step) => ({ weight, step }));
  return steps.sort((a, b) => b.weight - a.weight || a.step - b.step).slice(0, 3)
    .map(({ weight, step }) => `step ${step + 1} (${weight.toFixed(3)})`).join(", ");
}

// ---- nearest training clips ---------------------------------------------------------------------------------------

const pause = (seconds) => new Promise((resolve) => { setTimeout(resolve, 1000 * seconds); });

async function showNearest(mine) {
  if (!model.clips || model.clips.train === 0) return;
  at("nearest").hidden = false;
  at("nearest-list").replaceChildren();
  at("nearest-state").replaceChildren("Comparing with the training clips \u2026");
  for (;;) {
    try {
      const answer = await ask("v1/nearest", bodyOf(shown.source, shown.left, { count: 5 }));
      if (mine !== turn) return;
      at("nearest-state").replaceChildren();
      at("nearest-list").replaceChildren(...answer.nearest.map(nearestItem));
      return;
    } catch (error) {
      if (mine !== turn) return;
      if (error.status === 401) {
        showError(error);
        return;
      }
      at("nearest-state").replaceChildren(error.message);  // also how far the reading is
      if (error.status !== 503) return;
      await pause(error.retryAfter || 1);
      if (mine !== turn) return;
    }
  }
}

function nearestItem(clip) {
  return h("li", {},
    h("div", {},
      h("p", {}, clip.text || "(no text)"),
      h("p", { class: "small" },
        ["distance ", h("data", { value: clip.distance }, number(clip.distance)), ` \u00b7 ${clip.id}`,
          labelWords(clip) ? ` \u00b7 ${labelWords(clip)}` : ""])),
    h("button", { type: "button", class: "plain", "aria-label": `Score the clip ${clip.id}`,
      on: { click: () => score({ clip }) } }, "Score it"));
}

// ---- clips of the data --------------------------------------------------------------------------------------------

async function listClips(isMore) {
  const mine = ++listTurn;
  const offset = isMore ? listed : 0;
  const parameters = new URLSearchParams({ split: at("split").value, offset, limit: kPageOfClips });
  if (at("query").value) parameters.set("query", at("query").value);
  try {
    const answer = await ask(`v1/clips?${parameters}`);
    if (mine !== listTurn) return;
    const items = answer.clips.map(clipItem);
    if (isMore) at("clips").append(...items);
    else at("clips").replaceChildren(...items);
    listed = offset + items.length;
    at("found").textContent = answer.total === 0 ? "No clip matches."
      : `${listed} of ${answer.total} clip${answer.total === 1 ? "" : "s"}`;
    const hadFocus = document.activeElement === at("more");
    at("more").hidden = listed >= answer.total;
    if (isMore && hadFocus && items.length > 0) items[0].firstChild.focus();
  } catch (error) {
    if (mine === listTurn) showError(error);
  }
}

function clipItem(clip) {
  const about = [clip.id, clip.split, labelWords(clip)].filter(Boolean).join(" \u00b7 ");
  return h("li", {}, h("button", { type: "button", "data-id": clip.id, "aria-pressed": "false",
    on: { click: () => score({ clip }) } }, clip.text || "(no text)", h("span", { class: "small" }, about)));
}

// ---- the beginning ------------------------------------------------------------------------------------------------

function showTokenForm() {
  at("columns").hidden = true;
  at("token-part").hidden = false;
  if (token) at("alert").replaceChildren(h("p", { class: "message" }, "This is not the server's token."));
  at("about").replaceChildren("The server asks for a token.");
  token = "";
  at("token").value = "";
  at("token").focus();
}

function fileInput(name, label, hint) {
  return h("div", {}, h("label", { for: `file-${name}` }, label),
    h("input", { type: "file", id: `file-${name}`, name, accept: ".npy,.npz,.safetensors",
      "aria-describedby": `hint-${name}` }),
    h("p", { class: "hint", id: `hint-${name}` }, hint));
}

function showModel() {
  const kind = model.is_synthetic ? " (synthetic data)" : "";
  at("about").replaceChildren(
    `${model.model} trained on ${model.data}${kind}. A score says how positive an utterance is, from ` +
    `${short(model.score_low)} to ${short(model.score_high)}.`);
  document.title = `kuda: ${model.model} on ${model.data}`;
  const inputs = [];
  const frames = (input) => `frames of ${input.width} numbers`;
  if (model.text === "features") inputs.push(fileInput("text_features", "Text features", frames(model.inputs.text)));
  for (const [name, label] of [["vision", "Vision"], ["audio", "Audio"]])
    if (model.inputs[name]) inputs.push(fileInput(name, label, frames(model.inputs[name])));
  inputs.push(fileInput("features", "All in one archive", "arrays named text, vision, audio (.npz, .safetensors)"));
  at("file-inputs").replaceChildren(...inputs);
  at("text-part").hidden = model.text !== "raw";
  at("files").open = model.text !== "raw";
  at("picker").hidden = !model.clips;
  if (model.clips) {
    at("picker-title").replaceChildren(`Or a clip of ${model.clips.data}`);
    at("nearest-hint").replaceChildren(
      `Of the ${model.clips.train} training clips of ${model.clips.data}, those of which the model makes most nearly ` +
      "the same, all modalities together (Euclidean distance before the last layers). Alike to the model, not always " +
      "to you." + (model.clips.is_training_data ? "" : " The model was trained on other data."));
  }
  const versions = Object.entries(model.versions).map(([name, version]) => `${name} ${version}`).join(", ");
  at("facts").replaceChildren(
    `Epoch ${model.epoch} of ${model.epochs}, chosen by: ${model.select}. Trained with ${versions}.`);
  at("token-part").hidden = true;
  at("columns").hidden = false;
}

async function begin() {
  try {
    model = await ask("v1/model");
  } catch (error) {
    if (error.status !== 401) at("about").replaceChildren("");
    showError(error);
    return;
  }
  clearAlert();
  showModel();
  if (model.clips) listClips(false);
}

at("own").addEventListener("submit", (event) => {
  event.preventDefault();
  score(ownSource());
});
at("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("own").requestSubmit();
});
at("own").addEventListener("input", markStale);
at("search").addEventListener("submit", (event) => {
  event.preventDefault();
  clearAlert();
  listClips(false);
});
at("split").addEventListener("change", () => listClips(false));
at("more").addEventListener("click", () => listClips(true));
at("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value;
  clearAlert();
  begin();
});
begin();
