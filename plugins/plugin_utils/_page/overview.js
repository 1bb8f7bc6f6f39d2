// All directors in one table.

const linkTo = (director) => `#director=${encodeURIComponent(director.name)}`;

const seen = { kind: "", words: "", by: "State", down: false };

// Each column: its head, what it is ordered by, and what stands in it.
const COLUMNS = [
  ["Director", (d) => d.name, (d) => el("a", { href: linkTo(d), title: d.name }, bdi(d.name))],
  ["State", (d) => WORST_FIRST.indexOf(stateOf(d)[0]), (d) => [badge(...stateOf(d)), why(d)]],
  ["Newest proven", (d) => -ageOf(timeOf(d.newest_proven)) || -Infinity, (d) => ago(timeOf(d.newest_proven), "none")],
  ["Last run", (d) => lastRun(d, "backup")?.began || "", lastSaid, "wide"],
  ["Outage", (d) => newest(d)?.outage_seconds ?? -1, (d) => outageSaid(newest(d)), "wide number"],
  ["Size", (d) => newest(d)?.all?.bytes ?? -1, (d) => size(newest(d)?.all?.bytes), "wide number"],
  ["New", (d) => newest(d)?.new?.bytes ?? -1, (d) => size(newest(d)?.new?.bytes), "wide number"],
  ["Rehearsed", (d) => -(d.rehearsed_age_seconds ?? Infinity), (d) => rehearsed(d), "wide"],
  ["Elsewhere", (d) => -ageOf(timeOf(d.offsite?.newest)) || -Infinity, copied, "wide"],
  ["Backups", (d) => (d.backups || []).length, (d) => String((d.backups || []).length), "wide number"],
];

// There is a column of copies elsewhere if there are any, or should be.
const columns = () => COLUMNS.filter(([name]) => name !== "Elsewhere" || told.directors.some((director) => director.offsite));

function copied(director) {
  if (!director.offsite) return el("span", { class: "faint" }, "none");
  const rules = Object.fromEntries((director.health?.problems || []).map(({ rule, status }) => [rule, status]));
  const when = ago(timeOf(director.offsite.newest), "none");
  if (rules.offsite === 2) return [badge("bad", "Damaged"), " ", when];
  return rules.offsite_age ? badge("warn", el("span", { class: "unseen" }, "Too old "), when) : when;
}

function why(director) {
  const [first] = problemsOf(director);
  return first ? el("span", { class: "why", title: first[1] }, bdi(first[1])) : null;
}

function lastSaid(director) {
  const run = lastRun(director, "backup");
  if (!run) return el("span", { class: "faint" }, "none");
  return [badge(...known(OF_OUTCOME, run.outcome)), " ", ago(run.began)];
}

const outageSaid = (backup) => (backup?.mode === "online" ? "none" : duration(backup?.outage_seconds));

function rehearsed(director) {
  const backup = backupOf(director, director.newest_rehearsed);
  const rto = backup?.rehearsed?.rto_seconds;
  return [ago(backup?.rehearsed?.at), rto ? el("span", { class: "faint" }, ` back in ${duration(rto)}`) : null];
}

// The last thirty days of a director: a bar for what each backup brought, and one in red for each run that failed.
function month(director) {
  const since = Date.parse(told.at) - 30 * DAY * 1000;
  const made = (director.backups || []).filter((one) => Date.parse(one.began) >= since);
  const failed = failedBackups(director).filter((run) => Date.parse(run.began) >= since);
  const most = Math.max(1, ...made.map((one) => one.new?.bytes || 0));
  const all = made.map((one) => [Date.parse(one.began) / 1000, Math.max(one.new?.bytes || 0, most / 8), null]);
  all.push(...failed.map((run) => [Date.parse(run.began) / 1000, null, most]));
  all.sort((a, b) => a[0] - b[0]);
  const said = `Last 30 days: ${several(made.length, "backup")}, ${failed.length} failed`;
  if (!all.length) return el("span", { class: "faint" }, "none");
  const column = (index) => all.map((row) => row[index]);
  return small(said, column(0), [{ ink: "bar", values: column(1) }, { ink: "bad", values: column(2) }]);
}

function tile(kind, text, count) {
  const pressed = seen.kind === kind;
  const press = () => { seen.kind = pressed ? "" : kind; refill(); };
  const attributes = { type: "button", class: `tile ${kind}`, "aria-pressed": String(pressed), click: press };
  return el("button", attributes, el("strong", {}, String(count)), ` ${text}`);
}

const TILES = [["bad", "failing"], ["none", "unknown"], ["warn", "with a warning"], ["busy", "at work"], ["good", "fine"]];

function tiles() {
  const counts = TILES.map(([kind, text]) => [kind, text, told.directors.filter((one) => stateOf(one)[0] === kind).length]);
  return counts.filter(([kind, , count]) => count || seen.kind === kind).map((one) => tile(...one));
}

function head([name, , , kind]) {
  const order = seen.by === name ? (seen.down ? "descending" : "ascending") : null;
  const press = () => {
    seen.down = seen.by === name && !seen.down;
    seen.by = name;
    refill(name);
  };
  const arrow = order && el("span", { "aria-hidden": "true" }, seen.down ? " ↓" : " ↑");
  const button = el("button", { type: "button", class: "order", "data-name": name, click: press }, name, arrow);
  return [button, { class: kind, "aria-sort": order }];
}

function wanted() {
  const [, key] = columns().find(([name]) => name === seen.by);
  const words = seen.words.toLowerCase();
  const found = told.directors.filter((one) => one.name.toLowerCase().includes(words) && (!seen.kind || stateOf(one)[0] === seen.kind));
  const compared = (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a.name.localeCompare(b.name, "en", { numeric: true }));
  found.sort(compared);
  return seen.down ? found.reverse() : found;
}

function row(director) {
  const [name, ...cells] = columns().map(([, , cell, kind]) => [kind, cell(director)]);
  const all = cells.map(([kind, inside]) => el("td", { class: kind }, inside));
  return el("tr", {}, el("th", { scope: "row" }, name[1]), all, el("td", { class: "wide" }, month(director)));
}

function filled() {
  const found = wanted();
  const heads = [...columns().map(head), ["Last 30 days", { class: "wide" }]];
  const shown = found.length ? table("Directors", heads, found.map(row), "directors") : el("p", {}, "No director is like that.");
  say(`${several(found.length, "director")} shown`);
  return [el("div", { class: "tiles", role: "group", "aria-label": "Show only" }, tiles()), shown];
}

// The list anew; the focus stays with what was pressed.
function refill(head) {
  const pressed = document.activeElement;
  const kind = pressed?.classList.contains("tile") && pressed.className;
  clearCharts();
  document.getElementById("list").replaceChildren(...filled());
  if (head) document.querySelector(`button[data-name="${head}"]`)?.focus();
  else if (kind) document.getElementsByClassName(kind)[0]?.focus();
}

function overview() {
  const input = (event) => { seen.words = event.currentTarget.value; refill(); };
  const find = el("input", { type: "search", id: "find", autocomplete: "off", input });
  find.value = seen.words;
  return [
    el("header", { class: "top" }, el("div", {}, el("h1", {}, "Backups of directors"), asOf()),
      el("p", { class: "find" }, el("label", { for: "find" }, "Find a director"), find)),
    el("div", { id: "list" }, filled()),
  ];
}
