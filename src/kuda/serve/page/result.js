// ---- what is scored -----------------------------------------------------------------------------------------------

/// The body of a request. `source` is {clip: a clip of the data}, {video: File} or {text, files: {vision: File, ...}}.
function bodyOf(source, left, extra) {
  if (source.video) return formOf({ video: source.video }, left, extra);
  if (source.clip) return { clip: source.clip.id, without: left, ...extra };
  const files = Object.entries(source.files);
  if (files.length === 0) return { text: source.text, without: left, ...extra };
  return formOf({ ...(source.text ? { text: source.text } : {}), ...source.files }, left, extra);
}

function formOf(fields, left, extra) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
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
  if (!is) at("progress-part").hidden = true;
  markStale();
};

/// The own text and files of the score that is shown are no longer those above: it says so until they are scored, or are
/// as they were.
function markStale() {
  let changed = "";
  if (shown && shown.source.files) {
    const { text, files } = ownSource();
    const names = [...new Set([...Object.keys(files), ...Object.keys(shown.source.files)])];
    if (text !== shown.source.text) changed = "text";
    else if (names.some((name) => files[name] !== shown.source.files[name])) changed = "files";
  }
  at("stale").hidden = changed === "";
  at("stale").textContent = changed ? `Of another clip: the ${changed} above changed since. Score it again.` : "";
  at("result").classList.toggle("old", changed !== "" || !at("waiting").hidden);
}

/// A video takes its time, and says how far it is.
async function explained(source, left) {
  const body = bodyOf(source, left, { attention: true });
  if (!source.video) return ask("v1/explain", body);
  return askEvents("v1/explain", body, work().signal, (_, { seconds }) => showProgress(source, seconds));
}

/// Scores a source with all its modalities; `left` of what is shown is scored by `leaveOut`.
async function score(source) {
  const mine = ++turn;
  stopWork();
  clearAlert();
  isBusy(true);
  try {
    const full = await explained(source, []);
    if (mine !== turn) return;
    shown = { source, full, now: full, left: [] };
    for (const button of at("clips").querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(Boolean(source.clip) && button.dataset.id === source.clip.id));
    showSwitches();
    showPlayer();
    showResult();
    intoView(at("result"));
    showNearest(mine);
    showCurve(mine);
  } catch (error) {
    if (mine === turn) showError(error);
  } finally {
    if (mine === turn) isBusy(false);
  }
}

async function leaveOut(left) {
  const mine = ++turn;
  stopWork();
  clearAlert();
  isBusy(true);
  try {
    const now = left.length > 0 ? await explained(shown.source, left) : shown.full;
    if (mine !== turn) return;
    shown.now = now;
    shown.left = left;
    showResult();
    showNearest(mine);
    showCurve(mine);
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
  const text = source.clip ? source.clip.text : source.text;  // of a video the transcript says it
  const about = source.clip
    ? [source.clip.id, source.clip.split, labelWords(source.clip)].filter(Boolean).join(" \u00b7 ")
    : source.video ? aboutVideo(shown.full.video, source)
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
    const why = shown.full.video && shown.full.video.missing[name];
    const note = !isRead ? " (the model does not read it)" : there.includes(name) ? "" : ` (${why || "the clip has none"})`;
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

