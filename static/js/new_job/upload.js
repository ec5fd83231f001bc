// One drop is one request, with its progress; cut off or cancelled, nothing of it is kept.
import { addressOf, read } from "./parts.js";

export function upload(form, drop, items) {
  const request = new XMLHttpRequest();
  const shown = progress(drop);
  const done = new Promise((resolve, reject) => {
    request.addEventListener("load", () => {
      try {
        resolve(read(request.status, request.responseText, request.responseURL, addressOf(form)));
      } catch (error) {
        reject(error);
      }
    });
    request.addEventListener("error", () => {
      reject(new Error("The connection was cut, and nothing of the upload was kept. Add the files again."));
    });
    request.addEventListener("abort", () => reject(new Error("The upload was cancelled; nothing of it was kept.")));
  });
  request.upload.addEventListener("progress", (event) => shown.at(event.loaded, event.total));
  request.upload.addEventListener("load", () => shown.stored());
  request.addEventListener("loadend", () => shown.end());
  request.open("POST", addressOf(form));
  request.send(body(form, items));
  return { done, cancel: () => request.abort() };
}

function body(form, items) {
  const data = new FormData();
  data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  data.append("action", "upload");
  data.append("script", "1");
  data.append("begin", "1");
  for (const { file, path, isInside } of items) {
    data.append(isInside ? "inside_path" : "path", path);
    data.append(isInside ? "inside" : "file", file, "file");
  }
  data.append("end", "1"); // a body without it was cut off
  return data;
}

function progress(drop) {
  const box = drop.querySelector("[data-uploading]");
  const bar = drop.querySelector("[data-progress]");
  const says = drop.querySelector("[data-progress-says]");
  bar.value = 0;
  says.textContent = "Uploading";
  const timer = setTimeout(() => (box.hidden = false), 150); // what is done at once needs no bar
  return {
    at(loaded, total) {
      const percent = total ? Math.floor((loaded / total) * 100) : 0;
      bar.value = percent;
      says.textContent = `${percent} % of ${amount(total)}`;
    },
    stored() {
      bar.removeAttribute("value");
      says.textContent = "Checking the files";
    },
    end() {
      clearTimeout(timer);
      box.hidden = true;
    },
  };
}

function amount(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${bytes >= 100 || unit === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}
