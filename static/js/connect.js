// Connect a cluster: going from one way to another keeps what was typed, by sending the form on the way.

const form = document.querySelector("[data-connect]");
let changed = false;

form.addEventListener("input", () => {
  changed = true;
});

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[data-way]") : null;
  if (!link || !changed || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  const action = document.createElement("input");
  action.type = "hidden";
  action.name = "action";
  action.value = `go:${link.dataset.way}`;
  form.append(action);
  form.submit();
});
