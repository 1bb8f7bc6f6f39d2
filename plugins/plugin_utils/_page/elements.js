// Elements. What a director said gets into the page as text and in no other way: there is no markup made of strings here.

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value != null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return made;
}

// A text of a director's or an operator's: a direction that it sets ends with it.
const bdi = (text) => el("bdi", {}, String(text ?? "–"));

function badge(kind, ...text) {
  const sign = { good: "✓", warn: "!", bad: "✕", busy: "↻", none: "?" }[kind];
  return el("span", { class: `badge ${kind}` }, el("span", { "aria-hidden": "true" }, sign), " ", ...text);
}

// How long ago; it goes on while the page is open.
function ago(iso, without = "never") {
  if (!iso) return el("span", { class: "faint" }, without);
  return el("time", { datetime: iso, title: `${date(iso)} UTC`, "data-ago": true }, age(ageOf(iso)));
}

function goOn() {
  for (const time of document.querySelectorAll("time[data-ago]")) time.textContent = age(ageOf(time.dateTime));
}

function say(text) {
  document.getElementById("said").textContent = text;
}

async function copy(text, button, shown) {
  let done = "Copied";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection().selectAllChildren(shown);
    done = "Selected: copy it with the keyboard";
  }
  button.textContent = done;
  say(done);
}

// A command to copy; what is copied is what is shown.
function command(text, about) {
  const shown = el("code", {}, text);
  const press = (event) => copy(text, event.currentTarget, shown);
  const button = el("button", { type: "button", "aria-label": `Copy the command that ${about}`, click: press }, "Copy");
  return el("div", { class: "command" }, el("pre", { tabindex: "0", "aria-label": `The command that ${about}` }, shown), button);
}

// A table in a frame that scrolls by itself where the screen is narrow.
function table(label, heads, rows, kind = "") {
  const head = el("tr", {}, heads.map(([text, attributes]) => el("th", { scope: "col", ...attributes }, text)));
  const inside = el("table", { class: kind }, el("caption", { class: "unseen" }, label), el("thead", {}, head), el("tbody", {}, rows));
  return el("div", { class: "frame", tabindex: "0", role: "region", "aria-label": label }, inside);
}
