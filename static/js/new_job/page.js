// The new-job page: what is typed is saved as it is typed, what is dropped is uploaded at once. The server
// answers with the parts of the page that may have changed. Without this script the form does all of it by itself.
import { collect, fromInput } from "./collect.js";
import { addressOf, parts, postParts, showParts } from "./parts.js";
import { upload } from "./upload.js";

const SAVE_AFTER = 400;
const RETRY_AFTER = 4000;
const form = document.querySelector("[data-new-job]");
const drop = document.querySelector("[data-drop]");
const state = document.querySelector("[data-upload-state]");
const saved = document.querySelector("[data-saved]");

// That the form is from before is said when it is opened, and not again when the page is loaded anew.
if (location.search === "?resumed=1") history.replaceState(history.state, "", location.pathname + location.hash);

let waiting = null; // the timer of the next save
let saving = null; // the save that is under way
let again = false;
let uploading = null;
let isKept = true; // what was saved last arrived
let isSending = false; // everything is saved, the form may go

function fields() {
  const data = new FormData(form);
  for (const name of ["file", "begin", "end"]) data.delete(name);
  return data;
}

function saveSoon(delay = SAVE_AFTER) {
  clearTimeout(waiting);
  waiting = setTimeout(save, delay);
}

async function save(extra = {}) {
  clearTimeout(waiting);
  waiting = null;
  if (saving) {
    again = true;
    return saving;
  }
  const data = fields();
  for (const [name, value] of Object.entries({ action: "save", ...extra })) data.set(name, value);
  saving = send(data);
  const done = await saving;
  saving = null;
  if (again) {
    again = false;
    saveSoon(0);
  }
  return done;
}

async function send(data) {
  try {
    showParts(form, await postParts(form, data), { isSave: data.get("action") === "save" && !data.has("remove") && !data.has("edit") });
    tell("Saved. You can leave this page and come back.");
    return true;
  } catch (error) {
    tell(error.isFinal ? error.message : "Not saved: the portal cannot be reached. Trying again.", false);
    if (!error.isFinal) saveSoon(RETRY_AFTER);
    return false;
  }
}

function tell(sentence, is = true) {
  isKept = is;
  saved.textContent = sentence;
  saved.classList.toggle("is-trouble", !is);
}

/** The form goes when everything in it is kept: on the way to a sign-in it would be lost. */
async function run(button) {
  if (isSending) return;
  while (saving) await saving;
  if (await save()) {
    isSending = true;
    form.requestSubmit(button);
    isSending = false;
  } else {
    saved.scrollIntoView({ block: "center" });
  }
}

/** A button of the form that changes files: the same request, without leaving the page. */
async function act(button) {
  if (button.value === "remove_all" && !isSure(button)) return;
  says("");
  if (saving) await saving;
  const wasAt = [...form.querySelectorAll(".tree-act")].indexOf(button);
  const done = await save({ [button.name]: button.value });
  if (!done || button.value === "save") return; // Enter in a field only saves
  if (button.name === "edit") {
    const code = document.getElementById("id_code");
    code?.closest("details")?.setAttribute("open", "");
    code?.focus();
  } else if (wasAt >= 0) {
    const rest = [...form.querySelectorAll(".tree-act")];
    (rest[Math.min(wasAt, rest.length - 1)] ?? document.getElementById("id_file")).focus();
  } else {
    document.getElementById(button.value === "add_code" ? "id_entry" : "id_file").focus();
  }
}

/** The first click asks, in the button itself; the second one, within some seconds, does it. */
function isSure(button) {
  if (button.dataset.asked) return true;
  const before = button.innerHTML;
  button.dataset.asked = "1";
  button.textContent = "Really remove all?";
  setTimeout(() => {
    if (!button.isConnected) return;
    delete button.dataset.asked;
    button.innerHTML = before;
  }, 4000);
  return false;
}

function says(sentence) {
  state.textContent = sentence;
}

async function take(found) {
  const { items, leftOut } = await found;
  if (!items.length) {
    says(leftOut ? `Nothing to upload: ${leftOut}` : "There is no file in what was dropped.");
    return;
  }
  if (uploading) {
    says("An upload is under way. Wait until it has ended, or cancel it, then add these files again.");
    return;
  }
  if (items.length > Number(form.dataset.maxFiles)) {
    says(`These are ${items.length} files; a job gets at most ${form.dataset.maxFiles}. Leave out what the script does not need.`);
    return;
  }
  uploading = upload(form, drop, items);
  try {
    const page = await uploading.done;
    showParts(form, page, { isUpload: true });
    says(summary(parts(page), items.length, leftOut));
  } catch (error) {
    says(error.message);
  } finally {
    uploading = null;
  }
}

function summary(found, sent, leftOut) {
  const outcome = found.find((part) => part.id === "error-files");
  const kept = Number(outcome?.dataset.kept ?? 0);
  const refused = Number(outcome?.dataset.refused ?? 0);
  const counted = (count) => (count === 1 ? "1 file" : `${count} files`);
  const sentences = [];
  if (kept) sentences.push(`${counted(kept)} added.`);
  if (refused) sentences.push(`${refused} of ${sent} not accepted: see below.`);
  if (leftOut) sentences.push(`Left out: ${leftOut}`);
  return sentences.join(" ");
}

function dragging(is) {
  drop.classList.toggle("is-over", is);
}

function listen() {
  form.addEventListener("input", (event) => {
    if (event.target.type !== "file") saveSoon();
  });
  form.addEventListener("change", (event) => {
    const input = event.target;
    if (input.type !== "file") {
      saveSoon(0);
      return;
    }
    const found = fromInput(input);
    input.value = "";
    take(found);
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest('button[type="submit"]');
    const isFiles = button && (button.matches('[name="remove"], [name="edit"]') || ["remove_all", "add_code", "save"].includes(button.value));
    if (!isFiles) return;
    event.preventDefault();
    act(button);
  });
  form.addEventListener("submit", (event) => {
    if (isSending) {
      clearTimeout(waiting);
      waiting = null;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!uploading) {
      run(event.submitter);
      return;
    }
    says("The upload is still under way. Run the job when it has ended, or cancel the upload.");
    state.scrollIntoView({ block: "center" });
  }, true);
  drop.querySelector("[data-cancel-upload]").addEventListener("click", () => uploading?.cancel());
}

function listenToDrops() {
  let depth = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    dragging(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (!depth) dragging(false);
  });
  document.addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    dragging(false);
    take(collect(event.dataTransfer));
  });
}

// A page that was left before its last words were saved takes them along.
addEventListener("pagehide", () => {
  if (waiting === null) return;
  const data = fields();
  data.set("action", "save");
  data.set("script", "1");
  navigator.sendBeacon(addressOf(form), data);
});
addEventListener("beforeunload", (event) => {
  if (uploading) event.preventDefault();
});

// Whoever comes back from signing in again finds what was typed meanwhile saved.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !isKept) saveSoon(0);
});
addEventListener("focus", () => {
  if (!isKept) saveSoon(0);
});

listen();
listenToDrops();
document.querySelector("[data-form-errors]")?.focus();
