// What every page does: theme switch, menus, messages, copy buttons; live parts and ticking times.
import "./times.js";
import "./live.js";

function themeSwitch(fieldset) {
  fieldset.hidden = false;
  const chosen = document.documentElement.dataset.themeChoice || "system";
  for (const radio of fieldset.querySelectorAll("input")) {
    radio.checked = radio.value === chosen;
    radio.addEventListener("change", () => {
      try {
        localStorage.setItem("theme", radio.value);
      } catch {
        return; // without storage the system decides
      }
      dispatchEvent(new Event("stellwerk:theme"));
    });
  }
}

/** On a phone a row of tabs is wider than the screen: the one that is open should be seen. */
function showActive(row) {
  const active = row.querySelector("[aria-current]");
  if (!active || row.scrollWidth <= row.clientWidth) return;
  const [outer, inner] = [row.getBoundingClientRect(), active.getBoundingClientRect()];
  row.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (menu !== except) menu.open = false;
  }
}

function showSecret(button) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const hidden = input.type === "password";
  input.type = hidden ? "text" : "password";
  button.setAttribute("aria-pressed", String(hidden));
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.textContent);
  const before = button.getAttribute("aria-label") || "";
  button.setAttribute("aria-label", "Copied");
  button.classList.add("is-copied");
  setTimeout(() => {
    button.setAttribute("aria-label", before);
    button.classList.remove("is-copied");
  }, 1500);
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (!target) return;
  closeMenus(target.closest("details[data-menu]"));
  target.closest("[data-dismiss]")?.closest("[data-message]")?.remove();
  const secret = target.closest("[data-show-secret]");
  if (secret) showSecret(secret);
  const copier = target.closest("[data-copy]");
  if (copier) copy(copier);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details[data-menu][open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

// A form that is sent twice is the server's business too; this only spares the second request.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (form.hasAttribute("data-many")) return;
  form.dataset.sent = "1";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

document.querySelectorAll("[data-theme-switch]").forEach(themeSwitch);
document.querySelectorAll(".tabs, .counts").forEach(showActive);
