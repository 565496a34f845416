// ---- the video of the score: face, words, what is missing ---------------------------------------------------------

const kSlack = 0.02;      // seconds by which a player may stop short of where it was sent
const kFaceLasts = 0.25;  // seconds that a box stands for; pictures are looked at ten times a second

let moment = 0;           // seconds: where the player is
let isMeasured = false;   // the player looks for the end of a recording

const time = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const exactTime = (seconds) => `${seconds.toFixed(1)} s`;

/// Fits the player to what is shown; without a video it is not there.
function showPlayer() {
  const player = at("player");
  const { source, full } = shown;
  at("watch").hidden = !source.video;
  if (player.src && player.src !== source.url) {
    URL.revokeObjectURL(player.src);
    player.removeAttribute("src");
    player.load();
  }
  if (!source.video) return;
  moment = 0;
  at("player-note").hidden = true;
  if (player.src !== source.url) player.src = source.url;
  player.setAttribute("aria-label", `The video ${source.video.name}`);
  at("stage").classList.toggle("sound", full.video.pictures === 0);
  showLacks();
  showTranscript();
  showMoment();
}

/// What the model reads and the video lacks, and what else should be known of it.
function showLacks() {
  const { video } = shown.full;
  const lacks = kModalities.filter((name) => video.missing[name]).map((name) =>
    `No ${name}: ${video.missing[name]}. The model takes it as missing.`);
  if (video.faces > 1)
    lacks.push(`Up to ${video.faces} faces at once: the box is around the one whose mouth goes best with the voice.`);
  if (video.cut_short) lacks.push("The file ends before it says that it would.");
  if (video.corrupt_pictures > 0) lacks.push(`${video.corrupt_pictures} pictures are damaged.`);
  if (video.repeated) lacks.push("The recogniser of speech repeated itself and was stopped: words may be wrong.");
  at("lacks").hidden = lacks.length === 0;
  at("lacks").replaceChildren(...lacks.map((words) => h("li", {}, words)));
}

function aboutVideo(video, source) {
  const words = [source.video.name, exactTime(video.seconds)];
  if (video.pictures > 0) words.push(`a face in ${video.pictures_with_face} of ${video.pictures} pictures`);
  if (video.speech_seconds > 0) words.push(`${exactTime(video.speech_seconds)} of speech`);
  return words.join(" \u00b7 ");
}

function showTranscript() {
  const { words, missing, language } = shown.full.video;
  at("transcript").setAttribute("lang", language || "");
  at("transcript-hint").hidden = words.length === 0;
  if (words.length === 0) {
    at("transcript").replaceChildren(`No words${missing.text ? `: ${missing.text}` : " were heard"}.`);
    return;
  }
  at("transcript").replaceChildren(...words.flatMap((word, i) => [
    h("button", {
      type: "button", class: "word", tabindex: i === 0 ? 0 : -1, title: exactTime(word.begin),
      "data-begin": word.begin, "data-end": word.end, on: { click: () => seek(word.begin), keydown: moveInWords },
    }, word.text), " "]));
}

/// One stop of the tabulator; arrows go from word to word.
function moveInWords(event) {
  const words = [...at("transcript").querySelectorAll(".word")];
  const here = words.indexOf(event.target);
  const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: words.length - 1 }[event.key];
  if (to === undefined || !words[to]) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  words[to].tabIndex = 0;
  words[to].focus();
}

function seek(seconds) {
  moment = Math.max(0, Math.min(seconds, shown.full.video.seconds));
  if (at("player").readyState > 0) at("player").currentTime = moment;
  showMoment();
}

/// The box of the last picture that was looked at.
function faceAt(seconds) {
  const seen = shown.full.video.face_boxes.filter(([from]) => from <= seconds + kSlack && seconds - from < kFaceLasts);
  return seen.length > 0 ? seen[seen.length - 1] : null;
}

function showMoment() {
  if (!shown || !shown.source.video) return;
  const box = faceAt(moment);
  at("face").replaceChildren(...(box === null ? [] : [svg("rect",
    { x: box[1], y: box[2], width: box[3], height: box[4], "vector-effect": "non-scaling-stroke" })]));
  for (const word of at("transcript").querySelectorAll(".word")) {
    const isSaid = moment + kSlack >= Number(word.dataset.begin) && moment + kSlack < Number(word.dataset.end);
    if (isSaid) word.setAttribute("aria-current", "true");
    else word.removeAttribute("aria-current");
  }
  showPlayhead();
}

function follow() {
  moment = at("player").currentTime;
  showMoment();
  if (!at("player").paused && !at("player").ended) requestAnimationFrame(follow);
}

at("player").addEventListener("play", follow);
at("player").addEventListener("seeked", follow);
at("player").addEventListener("pause", follow);
at("player").addEventListener("loadedmetadata", () => {
  // A recording does not say how long it is until it was read to its end.
  isMeasured = at("player").duration === Infinity;
  if (isMeasured) at("player").currentTime = Number.MAX_SAFE_INTEGER;
});
at("player").addEventListener("durationchange", () => {
  if (!isMeasured || !Number.isFinite(at("player").duration)) return;
  isMeasured = false;
  at("player").currentTime = 0;
});
at("player").addEventListener("error", () => {
  if (!at("player").src) return;
  at("player-note").hidden = false;
  at("player-note").textContent = "This browser cannot play the file. Its score is not concerned.";
});

