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

