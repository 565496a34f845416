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
  showVideoOffer();
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
