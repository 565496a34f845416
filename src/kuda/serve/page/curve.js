// ---- the score over time ------------------------------------------------------------------------------------------

const kCurveHeight = 180;
const kCurveEdge = { left: 34, right: 12, top: 10, bottom: 24 };

let windows = [];  // events "window" of POST /v1/timeline, in order

/// Asks for the scores of windows that slide over the video, and draws them as they come.
async function showCurve(mine) {
  windows = [];
  if (!shown.source.video) return;
  drawCurve();
  at("curve-state").textContent = "Scoring it bit by bit \u2026";
  const { seconds } = shown.full.video;
  const size = Math.min(4, Math.max(1, seconds / 3));
  const options = { window: size.toFixed(2), step: (size / 2).toFixed(2) };
  try {
    const end = await askEvents("v1/timeline", formOf({ video: shown.source.video }, shown.left, options),
      work().signal, (name, data) => {
        if (mine !== turn || name !== "window") return;
        windows.push(data);
        drawCurve();
      });
    if (mine !== turn) return;
    const silent = end.parts - end.scored;
    at("curve-state").textContent = `${end.parts} windows of ${exactTime(size)}` +
      (silent > 0 ? `; ${silent} have nothing that the model reads.` : ".");
  } catch (error) {
    if (mine === turn) at("curve-state").textContent = error.message;
  }
}

const middle = ({ begin, end }) => (begin + end) / 2;

function curveScale() {
  const width = Math.max(260, at("curve").clientWidth);
  const inside = width - kCurveEdge.left - kCurveEdge.right;
  const high = kCurveHeight - kCurveEdge.top - kCurveEdge.bottom;
  return {
    width,
    x: (seconds) => kCurveEdge.left + inside * Math.min(1, seconds / shown.full.video.seconds),
    y: (score) => kCurveEdge.top + high * (1 - place(score) / 100),
    seconds: (x) => shown.full.video.seconds * (x - kCurveEdge.left) / inside,
  };
}

/// Lines between neighbours that both have a score.
function curveLines({ x, y }) {
  const rows = [[]];
  for (const each of windows) {
    if (each.score === null) rows.push([]);
    else rows[rows.length - 1].push(`${x(middle(each)).toFixed(1)},${y(each.score).toFixed(1)}`);
  }
  return rows.filter((row) => row.length > 1).map((row) => svg("polyline", { points: row.join(" ") }));
}

function curveAxes({ width, x, y }) {
  const parts = [];
  const levels = isTwoSided() ? [model.score_low, 0, model.score_high] : [model.score_low, model.score_high];
  for (const level of levels)
    parts.push(svg("line", { class: level === 0 ? "zero" : "level", x1: kCurveEdge.left, x2: width - kCurveEdge.right,
      y1: y(level), y2: y(level) }),
      svg("text", { x: kCurveEdge.left - 6, y: y(level) + 4, "text-anchor": "end" }, short(level)));
  const { seconds } = shown.full.video;
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200].find((each) => seconds / each <= width / 70) || 3600;
  for (let mark = 0; mark <= seconds; mark += step)
    parts.push(svg("text", { x: x(mark), y: kCurveHeight - 6, "text-anchor": "middle" }, time(mark)));
  return parts;
}

function drawCurve() {
  const scale = curveScale();
  const { width, x, y } = scale;
  const scored = windows.filter((each) => each.score !== null);
  const dots = scored.map((each) => svg("circle", { cx: x(middle(each)), cy: y(each.score), r: 3.5 },
    svg("title", {}, windowWords(each))));
  const hadFocus = at("curve").contains(document.activeElement);
  at("curve").replaceChildren(svg("svg", {
    width, height: kCurveHeight, viewBox: `0 0 ${width} ${kCurveHeight}`, role: "slider", tabindex: 0,
    "aria-label": "Score over time", "aria-valuemin": 0, "aria-valuemax": shown.full.video.seconds,
    on: {
      click: (event) => seek(scale.seconds(event.clientX - event.currentTarget.getBoundingClientRect().left)),
      keydown: moveInCurve,
    },
  }, ...curveAxes(scale), ...curveLines(scale), ...dots,
  svg("line", { id: "playhead", y1: kCurveEdge.top, y2: kCurveHeight - kCurveEdge.bottom })));
  if (hadFocus) at("curve").firstChild.focus();
  at("curve-words").replaceChildren(h("table", {},
    h("thead", {}, h("tr", {}, ["From", "To", "Score", "Words"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, windows.map((each) => h("tr", {},
      h("th", { scope: "row" }, exactTime(each.begin)), h("td", {}, exactTime(each.end)),
      h("td", {}, each.score === null ? "none" : h("data", { value: each.score }, number(each.score))),
      h("td", {}, each.text || lackWords(each)))))));
  showPlayhead();
}

const lackWords = ({ missing }) => Object.entries(missing).map(([name, why]) => `no ${name}: ${why}`).join("; ");

function windowWords(each) {
  const span = `${exactTime(each.begin)} to ${exactTime(each.end)}`;
  return `${span}: ${each.score === null ? `no score, ${lackWords(each)}` : number(each.score)}${each.text ? `, ${each.text}` : ""}`;
}

/// The window that the player is in, by its middle.
function windowHere() {
  const distance = (each) => Math.abs(middle(each) - moment);
  return windows.reduce((best, each) => (best === null || distance(each) < distance(best) ? each : best), null);
}

function showPlayhead() {
  const line = at("playhead");
  if (!line) return;
  const { x } = curveScale();
  line.setAttribute("x1", x(moment));
  line.setAttribute("x2", x(moment));
  const here = windowHere();
  const slider = line.parentNode;
  slider.setAttribute("aria-valuenow", moment.toFixed(1));
  slider.setAttribute("aria-valuetext", `At ${exactTime(moment)}. ${here ? windowWords(here) : ""}`);
}

/// Arrows go from window to window.
function moveInCurve(event) {
  const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
  const ends = { Home: 0, End: windows.length - 1 }[event.key];
  if (windows.length === 0 || (step === undefined && ends === undefined)) return;
  event.preventDefault();
  const to = step === undefined ? ends : windows.indexOf(windowHere()) + step;
  if (windows[to]) seek(middle(windows[to]));
}

window.addEventListener("resize", () => {
  if (shown && shown.source.video) drawCurve();
});

