// Parts that are fetched anew every so many seconds (data-refresh), while somebody can see them.

const due = (part) => {
  if (document.visibilityState === "visible") part.dispatchEvent(new CustomEvent("refresh"));
};

for (const part of document.querySelectorAll("[data-refresh]")) {
  const find = () => document.getElementById(part.id);
  setInterval(() => due(find()), 1000 * Number(part.dataset.refresh));
  document.addEventListener("visibilitychange", () => due(find()));
}
