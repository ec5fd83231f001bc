// Files out of inputs and drops, with their paths: {items: [{file, path, isInside}], leftOut: "sentence"}.

// What belongs to tools and not to a job.
const TOOLS = new Set([".git", ".hg", ".svn", "__pycache__", ".ipynb_checkpoints", ".venv", "venv", "node_modules", ".Rproj.user", "__MACOSX", ".mypy_cache", ".ruff_cache", ".pytest_cache"]);
const JUNK = new Set([".DS_Store", "Thumbs.db", "desktop.ini"]);

export function fromInput(input) {
  const files = [...input.files];
  if (!input.webkitdirectory) return Promise.resolve(judged(files.map((file) => ({ file, path: file.name, isInside: false }))));
  return Promise.resolve(judged(files.map((file) => ({ file, path: inner(file.webkitRelativePath), isInside: true }))));
}

/** Must be called within the drop event: the browser forgets the items after it. */
export function collect(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  return walkAll(entries.filter(Boolean));
}

async function walkAll(entries) {
  const items = [];
  for (const entry of entries) {
    if (entry instanceof File) items.push({ file: entry, path: entry.name, isInside: false });
    else await walk(entry, entry.isDirectory && entries.length === 1 ? "" : null, items);
  }
  return judged(items);
}

/** `base` is the path of the folder's content; null: the entry's own name. A lone folder is the job's own folder. */
async function walk(entry, base, items) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    items.push({ file, path: base ?? entry.name, isInside: base !== null });
    return;
  }
  if (TOOLS.has(entry.name)) {
    items.push({ tool: entry.name });
    return;
  }
  const folder = base ?? `${entry.name}`;
  for (const child of await children(entry)) await walk(child, folder ? `${folder}/${child.name}` : child.name, items);
}

async function children(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    found.push(...some);
  }
}

const inner = (path) => path.slice(path.indexOf("/") + 1);

function judged(found) {
  const left = new Set();
  const items = found.filter((item) => {
    const tool = item.tool ?? item.path.split("/").find((part, at, all) => (at < all.length - 1 ? TOOLS : JUNK).has(part));
    if (tool) left.add(tool);
    return !tool;
  });
  return { items, leftOut: left.size ? `${[...left].join(", ")}, which a job does not need.` : "" };
}
