"use strict";
// One script, in the page and in its worker: the page takes files and shows what was found, the worker has the
// verifier judge them. Where the page ends a worker, what it was doing ends with it.
if (typeof document === "undefined") {
  onmessage = async ({ data }) => {
    try {
      postMessage({ answer: await judge(data) });
    } catch (fault) {
      // Nothing is judged by halves: a verifier that ran out of memory or stopped has said nothing.
      postMessage({ fault: String(fault) });
    }
  };
} else {
  page(document.currentScript.textContent);
}

async function judge({ wasm, evidence, own, asOf }) {
  const told = (done, total) => postMessage({ doing: "Verifying", done, total });
  const { exports: core } = (await WebAssembly.instantiate(wasm, { page: { progress: told } })).instance;
  const put = (kind, name, bytes) => {
    const named = new TextEncoder().encode(name);
    const at = core.room(bytes.length + named.length) >>> 0;
    const room = new Uint8Array(core.memory.buffer, at, bytes.length + named.length);
    room.set(bytes);
    room.set(named, bytes.length);
    core.put(kind, named.length);
  };
  const files = [...evidence.map((file) => [0, file]), ...own.map((file) => [1, file])];
  for (const [done, [kind, { name, file }]] of files.entries()) {
    if (done % 64 === 0) postMessage({ doing: "Reading", done, total: files.length });
    put(kind, name, new Uint8Array(await file.arrayBuffer()));
  }
  put(2, asOf, new Uint8Array());
  postMessage({ doing: "Verifying" });
  const at = core.judge(Date.now()) >>> 0;
  return JSON.parse(new TextDecoder().decode(new Uint8Array(core.memory.buffer, at, core.answered())));
}

function page(script) {
  const by = (id) => document.getElementById(id);
  const [form, status, progress, result, title, said, frame] = ["form", "status", "progress", "result", "result-title", "said", "report"].map(by);
  // An element with a text, which is never read as markup.
  const make = (tag, text, className) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const packed = atob(by("wasm").textContent);
  const wasm = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
  const handed = { evidence: [], own: [] };
  let worker = null;

  const busy = (is) => {
    by("stop").disabled = !is;
    by("verify").disabled = is || handed.evidence.length === 0;
    progress.hidden = !is;
  };
  const end = (words) => {
    worker?.terminate();
    worker = null;
    busy(false);
    status.textContent = words;
  };
  // What is shown is always about what stands above it.
  const changed = (words) => {
    end(words);
    result.hidden = frame.hidden = true;
    frame.srcdoc = title.textContent = "";
    said.replaceChildren();
    for (const kind of ["evidence", "own"]) {
      const files = handed[kind];
      const shown = files.slice(0, 20).map(({ name, file }) => make("li", `${name} (${file.size} bytes)`));
      if (files.length > 20) shown.push(make("li", `and ${files.length - 20} more files`));
      by(kind).querySelector("ul").replaceChildren(...shown);
    }
  };
  const take = (kind, files) => {
    if (files.length === 0) return;
    const names = new Set(files.map(({ name }) => name));
    const before = kind === "own" || !files.some(({ name }) => name.includes("/")) ? handed[kind] : [];
    handed[kind] = [...before.filter(({ name }) => !names.has(name)), ...files];
    changed(`${files.length} ${files.length === 1 ? "file" : "files"} taken`);
  };

  // Files below a folder that was dropped. Its entries would be another way, by which Chromium reads nothing for a page
  // on a disk.
  const inside = async (handle, name) => {
    if (handle.kind === "file") return [{ name, file: await handle.getFile() }];
    const found = [];
    for await (const [inner, one] of handle.entries()) found.push(...(await inside(one, `${name}/${inner}`)));
    return found;
  };
  const dropped = async (kind, items) => {
    // Before anything is waited for: what was dropped is gone after that.
    const all = items.map((item) => [item.getAsFile(), item.webkitGetAsEntry?.()?.isDirectory, item.getAsFileSystemHandle?.()]);
    const files = [];
    for (const [file, isFolder, handle] of all) {
      if (isFolder && !handle) throw "a folder";
      if (isFolder) files.push(...(await inside(await handle, (await handle).name)));
      else if (file) files.push({ name: file.name, file });
    }
    take(kind, files);
  };
  for (const kind of ["evidence", "own"]) {
    const zone = by(kind);
    zone.addEventListener("dragover", () => zone.classList.add("over"));
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      zone.classList.remove("over");
      dropped(kind, [...event.dataTransfer.items]).catch((fault) => changed(`This cannot be read by dropping it (${fault}): choose it with the button.`));
    });
    for (const input of zone.querySelectorAll("input")) {
      input.addEventListener("change", () => {
        take(kind, [...input.files].map((file) => ({ name: file.webkitRelativePath || file.name, file })));
        input.value = "";
      });
    }
  }
  // A file that is dropped beside the places for it must not take the page's place.
  for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());

  const save = (name, type, text) => {
    const link = make("a", `Save ${name}`);
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    return link;
  };
  const template = ({ rotation, template }) => {
    const [all, text, copy] = [make("details"), make("pre", template), make("button", "Copy")];
    copy.type = "button";
    copy.setAttribute("aria-label", `Copy the template of ${rotation}`);
    copy.addEventListener("click", () => {
      getSelection().selectAllChildren(text);
      status.textContent = document.execCommand("copy") ? `The template of ${rotation} was copied` : "It was selected; copy it with the keyboard";
    });
    all.append(make("summary", `Evidence template of ${rotation}`), text, copy);
    return all;
  };
  const print = make("button", "Print the report");
  print.type = "button";
  print.addEventListener("click", () => frame.contentWindow.print());
  const files = (list) => {
    const all = make("ul");
    for (const { name, bytes, sha256 } of list.slice(0, 20)) {
      const one = make("li", `${name}, ${bytes} bytes, SHA-256 `);
      one.append(make("span", sha256, "hash"));
      all.append(one);
    }
    if (list.length > 20) all.append(make("li", `and ${list.length - 20} more files`));
    return all;
  };
  const show = (answer) => {
    const { document: told, error } = answer;
    title.textContent = `${answer.word}: ${answer.means}`;
    title.className = answer.word === "PASSED" ? "good" : "bad";
    if (error) said.append(make("p", error.message, "conclusion bad"));
    if (!answer.trusted) said.append(make("p", "No trust file was given. Keys are known only from the evidence itself: whoever makes up a ledger can make up evidence of it.", "conclusion loud"));
    said.append(make("h3", "What was judged"), files(answer.evidence), make("p", `Verified at ${answer.now} by this computer's clock.`, "note"));
    if (answer.own.length > 0) said.append(make("h3", "Held against what you have"), files(answer.own));
    if (answer.text) said.append(make("pre", answer.text));
    const row = make("p");
    row.className = "buttons";
    if (told) row.append(save("verify-report.json", "application/json", `${JSON.stringify(told, null, 2)}\n`), " ");
    if (answer.page) row.append(save("report.html", "text/html", answer.page), " ", print);
    said.append(row);
    if (answer.page) said.append(make("p", "The report is printed by itself: by its button, or as a page that was saved.", "printed"));
    if (answer.templates?.length) said.append(make("h3", "Evidence templates"), ...answer.templates.map(template));
    if (answer.page) {
      // The library has escaped every text in it. Even so it stands in a frame in which no script runs, whatever it
      // holds; the frame is of this origin only so that it can be made as high as what it shows, and be printed.
      frame.hidden = false;
      frame.srcdoc = answer.page;
    }
    result.hidden = false;
    title.focus();
  };
  const fit = () => {
    const inside = frame.contentDocument?.documentElement;
    if (inside && !frame.hidden) frame.height = Math.ceil(inside.getBoundingClientRect().height);
  };
  frame.addEventListener("load", fit);
  addEventListener("resize", fit);
  // A frame is printed cut at its edges; what people mean to print is the report.
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "p" && !frame.hidden) {
      event.preventDefault();
      frame.contentWindow.print();
    }
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    changed("Reading");
    busy(true);
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    worker = new Worker(url);
    URL.revokeObjectURL(url);
    worker.onerror = () => end("The verifier could not be started; nothing was judged.");
    worker.onmessage = ({ data }) => {
      if (data.doing) {
        // Said once: the bar tells how far it is, and a reader of screens is left in peace.
        if (status.textContent !== data.doing) status.textContent = data.doing;
        if (data.total) [progress.max, progress.value] = [data.total, data.done];
        else progress.removeAttribute("value");
      } else if (data.fault) {
        end(`The verifier stopped before its end (${data.fault}); nothing was judged.`);
      } else {
        end("Done");
        show(data.answer);
      }
    };
    worker.postMessage({ wasm, ...handed, asOf: by("as-of").value });
  });
  by("stop").addEventListener("click", () => end("Stopped; nothing was judged."));
  by("clear").addEventListener("click", () => {
    [handed.evidence, handed.own] = [[], []];
    by("as-of").value = "";
    changed("");
  });
  changed("");
}
