// ---- a video to score: chosen, dropped, or recorded ---------------------------------------------------------------

const kVideoTypes = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];
const kSoundBits = 96000;
const kTick = 200;  // milliseconds

let working = null;    // AbortController of what the server does for a video
let recording = null;  // {recorder, stream, begin, clock, isKept}

/// What the server did before is of no use any more.
function work() {
  stopWork();
  working = new AbortController();
  return working;
}

function stopWork() {
  if (working) working.abort();
  working = null;
  at("progress-part").hidden = true;
}

/// The server has read so many seconds.
function showProgress(source, seconds) {
  at("progress-part").hidden = false;
  const whole = source.seconds ? ` of ${time(source.seconds)}` : "";
  at("progress-words").textContent = `Watching and listening: ${time(seconds)}${whole}`;
  if (source.seconds) at("progress").value = Math.min(1, seconds / source.seconds);
  else at("progress").removeAttribute("value");
}

function showVideoOffer() {
  const { most_seconds: most, why_none: why } = model.video;
  at("video-none").hidden = why === null;
  at("video-none").textContent = why === null ? "" : `No videos here: ${why}.`;
  at("video-ways").hidden = why !== null;
  const longest = most < 120 ? `${most} seconds` : `${Math.round(most / 60)} minutes`;
  const largest = Math.floor(model.limits.body_bytes / 1048576);
  at("video-hint").textContent =
    `At most ${longest} and ${largest} MB. It goes to this server and to nobody else.`;
}

async function scoreVideo(file, seconds) {
  const most = model.limits.body_bytes - 4096;  // the form takes a little
  if (file.size > most) {
    showError(new Refused(413, `${file.name} has ${(file.size / 1048576).toFixed(1)} MB, and this server takes ` +
      `${(most / 1048576).toFixed(1)}.`, "Cut it, or start the server with a larger --max-body-mb.", 0));
    return;
  }
  const source = { video: file, url: URL.createObjectURL(file), seconds };
  if (!seconds) {
    const probe = document.createElement("video");
    probe.preload = "metadata";
    probe.addEventListener("loadedmetadata", () => {
      if (Number.isFinite(probe.duration)) source.seconds = probe.duration;
      probe.removeAttribute("src");
    });
    probe.src = source.url;
  }
  await score(source);
  if (!shown || shown.source !== source) URL.revokeObjectURL(source.url);
}

// ---- recording ----------------------------------------------------------------------------------------------------

const kNoDevice = {
  NotAllowedError: ["The browser was not allowed to use camera and microphone.", "Allow it beside the page's address."],
  NotFoundError: ["There is neither a camera nor a microphone.", "Choose a file instead."],
  NotReadableError: ["Camera or microphone are in use.", "Close the other program that uses them."],
};

/// Both, or the one that is there.
async function openDevices() {
  const picture = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" };
  let failure = null;
  for (const wanted of [{ video: picture, audio: true }, { audio: true }, { video: picture }]) {
    try {
      return await navigator.mediaDevices.getUserMedia(wanted);
    } catch (error) {
      failure = failure || error;
      if (error.name !== "NotFoundError") break;
    }
  }
  throw new Refused(0, ...(kNoDevice[failure.name] || [`Camera and microphone cannot be used: ${failure.message}`, ""]), 0);
}

async function startRecording() {
  clearAlert();
  if (!navigator.mediaDevices || !window.MediaRecorder) {
    showError(new Refused(0, "The browser gives no camera to this page.",
      "It does so for pages of this machine (localhost) and over HTTPS.", 0));
    return;
  }
  let stream;
  try {
    stream = await openDevices();
  } catch (error) {
    showError(error);
    return;
  }
  const most = model.video.most_seconds;
  const bits = Math.min(2500000, 0.8 * 8 * model.limits.body_bytes / most - kSoundBits);
  const recorder = new MediaRecorder(stream, {
    mimeType: kVideoTypes.find((type) => MediaRecorder.isTypeSupported(type)),
    videoBitsPerSecond: Math.max(50000, bits), audioBitsPerSecond: kSoundBits,
  });
  const mine = { recorder, stream, begin: performance.now(), clock: 0, isKept: false };
  const pieces = [];
  recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
  recorder.addEventListener("stop", () => {
    const seconds = (performance.now() - mine.begin) / 1000;
    closeRecording(mine);
    const type = recorder.mimeType.split(";")[0];
    if (mine.isKept)
      scoreVideo(new File(pieces, `recording.${type === "video/mp4" ? "mp4" : "webm"}`, { type }), seconds);
  });
  recording = mine;
  at("camera").srcObject = stream;
  at("record").hidden = true;
  at("recording").hidden = false;
  recorder.start();
  mine.clock = setInterval(() => {
    const seconds = (performance.now() - mine.begin) / 1000;
    at("recorded").textContent = `${time(seconds)} of at most ${time(most)}`;
    if (seconds > most - 0.5) stopRecording(true);
  }, kTick);
  at("stop").focus();
}

function stopRecording(isKept) {
  if (!recording || recording.recorder.state === "inactive") return;
  recording.isKept = isKept;
  recording.recorder.stop();
}

function closeRecording(mine) {
  clearInterval(mine.clock);
  for (const track of mine.stream.getTracks()) track.stop();
  at("camera").srcObject = null;
  at("recording").hidden = true;
  at("record").hidden = false;
  at("record").focus();
  recording = null;
}

at("record").addEventListener("click", startRecording);
at("stop").addEventListener("click", () => stopRecording(true));
at("discard").addEventListener("click", () => stopRecording(false));
at("cancel").addEventListener("click", () => {
  ++turn;
  stopWork();
  isBusy(false);
});
at("video-file").addEventListener("change", () => {
  const [file] = at("video-file").files;
  if (file) scoreVideo(file, 0);
});
for (const name of ["dragenter", "dragover"])
  at("drop").addEventListener(name, (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
for (const name of ["dragleave", "drop"]) at("drop").addEventListener(name, () => at("drop").classList.remove("over"));
at("drop").addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (file) scoreVideo(file, 0);
});

