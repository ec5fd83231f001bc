// The server's answer to a save or an upload: the parts of the page as they are now.

/** An error that trying again does not mend. */
export class Final extends Error {
  isFinal = true;
}

const SIGNED_OUT = "You are signed out, and what you change here is not kept. Sign in again in another tab and come back to this one.";
const TOO_OLD = "The portal does not take this page any more. Copy what you typed last, then reload it.";
const SENT = "This form was sent in another tab; the job was made. Open the list of jobs to see it.";

/** Buttons called "action" hide the form's own property. */
export const addressOf = (form) => new URL(form.getAttribute("action"), location.href).href;

export function read(status, text, landedOn, asked) {
  if (landedOn && !sameAddress(landedOn, asked)) {
    throw new Final(landedOn.includes("/accounts/") ? SIGNED_OUT : SENT);
  }
  if (status === 404) throw new Final(SENT);
  if (status === 403) throw new Final(TOO_OLD);
  const page = new DOMParser().parseFromString(text, "text/html");
  const refused = page.querySelector("[data-not-taken]");
  if (refused) throw new Error(refused.textContent);
  if (!page.getElementById("draft-parts")) {
    throw new Error(`The portal had an error (${status}). Nothing of this was kept; try again.`);
  }
  return page;
}

const sameAddress = (one, other) => new URL(one, location.href).pathname === new URL(other, location.href).pathname;

export const parts = (page) => [...page.querySelectorAll("[data-part]")];

export async function postParts(form, data) {
  data.set("script", "1");
  let response = await fetch(addressOf(form), { method: "POST", body: data });
  if (response.status === 403 && (await renewToken(form))) {
    data.set(TOKEN, form.elements[TOKEN].value);
    response = await fetch(addressOf(form), { method: "POST", body: data });
  }
  return read(response.status, await response.text(), response.url, addressOf(form));
}

const TOKEN = "csrfmiddlewaretoken";

/** Signing in again makes the tokens of open pages void; the same person's page has a new one. */
async function renewToken(form) {
  const response = await fetch(addressOf(form));
  if (!response.ok || !sameAddress(response.url, addressOf(form))) return false;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.querySelector(`[data-new-job] [name="${TOKEN}"]`)?.value;
  if (!fresh) return false;
  for (const input of document.querySelectorAll(`[name="${TOKEN}"]`)) input.value = fresh;
  return true;
}

/** Puts each part into its place, except where somebody is at work. A save says nothing about the last upload. */
export function showParts(form, page, { isUpload = false, isSave = false } = {}) {
  for (const fresh of parts(page)) {
    if (isSave && fresh.id === "error-files") continue;
    const now = document.getElementById(fresh.id);
    if (!now) continue;
    const isBusy = now.contains(document.activeElement) && !document.activeElement.matches("button");
    if (fresh.id === "draft-code") placeCode(now, fresh);
    else if (!isBusy || isUpload) place(now, fresh);
    else placeErrors(now, fresh);
  }
  for (const error of form.querySelectorAll(".field-error")) markInvalid(error);
  const name = document.getElementById("draft-summary")?.dataset.suggestedName;
  const input = document.getElementById("id_name");
  if (input && name !== undefined) input.placeholder = name;
}

function place(now, fresh) {
  const before = now.cloneNode(true);
  const opened = new Map([...now.querySelectorAll("details")].map((each) => [label(each), each.open]));
  for (const each of fresh.querySelectorAll("details")) {
    if (opened.has(label(each))) each.open = opened.get(label(each));
  }
  if (before.isEqualNode(fresh)) return;
  now.replaceWith(document.importNode(fresh, true));
}

const label = (details) => details.dataset.folder ?? "";

/** The field somebody is in stays; what is said about it changes. */
function placeErrors(now, fresh) {
  for (const error of fresh.querySelectorAll(".field-error, .form-hint")) {
    const old = error.id && now.querySelector(`#${CSS.escape(error.id)}`);
    if (old && old.innerHTML !== error.innerHTML) old.replaceWith(document.importNode(error, true));
  }
}

/** Pasted code is never touched while it is typed: only an emptied or a newly opened file replaces it. */
function placeCode(now, fresh) {
  const mine = now.querySelector("textarea");
  const theirs = fresh.querySelector("textarea");
  if (now.contains(document.activeElement) && !document.activeElement.matches("button")) return;
  if (mine.value.replaceAll("\r\n", "\n") === theirs.value.replaceAll("\r\n", "\n")) return;
  now.replaceWith(document.importNode(fresh, true));
}

function markInvalid(error) {
  const input = document.getElementById(`id_${error.id.replace("error-", "")}`);
  if (!input) return;
  if (error.querySelector(".invalid-feedback")) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}
