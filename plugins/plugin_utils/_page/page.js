// Which view is shown: all directors, or the one that the address names.

const told = JSON.parse(document.getElementById("told").textContent);

// When the page was made; what happened since is not in it.
const STALE = 26 * HOUR;

function asOf() {
  const old = ageOf(told.at) > STALE;
  const words = el("p", { class: "faint" }, "As of ", date(told.at), " UTC (", ago(told.at), "). All times are UTC.");
  const warning = "This page is old: what happened since it was made is not in it. Ages go on, states do not.";
  return old ? [words, el("p", { class: "alert" }, warning)] : words;
}

function chosen() {
  const [, name] = /^#director=(.*)$/.exec(location.hash) || [];
  if (name == null) return null;
  let decoded = name;
  try { decoded = decodeURIComponent(name); } catch { return null; }
  return told.directors.find((director) => director.name === decoded) || null;
}

function show(moved) {
  const director = chosen();
  const page = document.getElementById("page");
  clearCharts();
  page.replaceChildren(...(director ? view(director) : overview()).flat().filter(Boolean));
  document.title = director ? `${director.name}: backups` : "Backups of directors";
  if (!moved) return;
  scrollTo(0, 0);
  page.focus({ preventScroll: true });
}

addEventListener("hashchange", () => show(true));
setInterval(goOn, MINUTE * 1000);
show(false);
