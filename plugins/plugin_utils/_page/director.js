// One director: what is wrong, what it has, how it went, and how each backup comes back.

// For how long the free space will do, as it became less until now.
function enough(director) {
  const { volume, free_shrinks_bytes_a_day: less } = director;
  const days = Math.floor(volume.free_bytes / less);
  return less > 0 && days < 1000 ? `, for ${several(days, "day")}` : "";
}

// Of the repository of the copies: how many it has, and whether it was whole.
function elsewhereSaid({ copies, checked }) {
  const good = checked && "good" in checked;
  return [several(copies, "copy", "copies"), good ? (checked.good ? ", checked " : ", damaged ") : ", never checked", good && ago(checked.at)];
}

function facts(director) {
  const made = newest(director) || {};
  const { volume } = director;
  const grows = director.growth_bytes_a_day;
  const { offsite } = director;
  const elsewhere = offsite && ["Elsewhere", ago(timeOf(offsite.newest), "none"), elsewhereSaid(offsite)];
  const rto = backupOf(director, director.newest_rehearsed)?.rehearsed;
  return el("dl", { class: "facts" }, [
    ["Newest proven", ago(timeOf(director.newest_proven), "none"), date(timeOf(director.newest_proven))],
    ["Outage", outageSaid(made), made.mode ? `newest backup, ${made.mode}` : ""],
    ["Size", size(made.all?.bytes), made.all ? several(made.all.files, "file") : ""],
    ["New", size(made.new?.bytes), grows == null ? "" : `${size(grows)} a day`],
    ["Free", size(volume?.free_bytes), volume ? `of ${size(volume.size_bytes)}${enough(director)}` : ""],
    ["Back in", rto?.rto_seconds ? duration(rto.rto_seconds) : "–", rto ? ["rehearsed ", ago(rto.at)] : "never rehearsed"],
    elsewhere,
  ].filter(Boolean).map(([name, value, more]) => el("div", {}, el("dt", {}, name), el("dd", {}, value, el("span", { class: "faint" }, more)))));
}

function problems(director) {
  const found = problemsOf(director);
  if (!found.length) return null;
  return el("ul", { class: "problems", "aria-label": "What is wrong" }, found.map(([kind, said]) => el("li", { class: kind }, bdi(said))));
}

// What one wants first on a bad day: the newest proven backup, or a copy where nothing that is here would do.
function bringBack(director) {
  const backup = backupOf(director, director.newest_proven);
  const { restore, newest: copied } = director.offsite || {};
  const [from, what, at] = backup?.restore ? [backup.restore, "newest proven backup", backup.began]
    : [restore && copied && restore + copied, "newest copy elsewhere", timeOf(copied)];
  if (!from) return null;
  const of = el("span", { class: "faint" }, ` with the ${what}, of ${date(at)} UTC`);
  return el("section", { class: "card" }, el("h2", {}, "To bring it back", of), command(`${director.restore} ${from}`, `restores the ${what}`));
}

function failure(director) {
  const { failed, mended } = lastFailure(director);
  if (!failed) return null;
  const log = failed.log_end || [];
  const inPhase = failed.phase ? ["; phase ", el("strong", {}, bdi(failed.phase))] : [];
  const end = log.length && [
    el("h3", {}, "The end of its log"),
    el("pre", { tabindex: "0", "aria-label": "The end of the log" }, log.join("\n")),
  ];
  return el("details", { class: "card failure", open: !mended },
    el("summary", {}, el("h2", {}, mended ? "The last failure, since then it succeeded" : "The last failure")),
    el("p", {}, badge(...known(OF_OUTCOME, failed.outcome)), ` ${failed.kind} of ${date(failed.began)} UTC`, inPhase),
    el("p", { class: "error" }, bdi(failed.error || "It did not come to its end.")),
    failed.log && el("p", { class: "faint" }, "Log: ", el("code", {}, failed.log)),
    end);
}

// The lines of a chart: lists of times and values, in the order of time.
function chart(title, unit, items, lines, sentence, steps) {
  const sorted = items.map((item) => [Date.parse(item.began) / 1000, item]).filter(([time]) => time).sort((a, b) => a[0] - b[0]);
  if (!sorted.length) return null;
  const of = lines.map(([label, ink, kind, value]) => ({ label, ink, kind, values: sorted.map(([, item]) => value(item) ?? null) }));
  const values = of[0].values.filter((value) => value != null);
  const [least, most, last] = [Math.min(...values), Math.max(...values), values.at(-1)];
  const told = values.length ? `${sentence}, ${unit(least)} to ${unit(most)}, last ${unit(last)}` : sentence;
  return figure({ title, unit, steps, times: sorted.map(([time]) => time), series: of }, told);
}

// Backups, and the runs that made none.
function attempts(director) {
  const made = director.backups || [];
  const there = new Set(made.map((backup) => backup.id));
  const failed = failedBackups(director).filter((run) => !there.has(run.id));
  return [...made, ...failed.map((run) => ({ ...run, failed: true }))];
}

function allCharts(director) {
  const made = director.backups || [];
  const away = made.filter((backup) => backup.mode !== "online");
  const tried = attempts(director);
  const failed = tried.length - made.length;
  const many = several(made.length, "backup");
  const good = (backup) => (backup.proven && !backup.failed ? backup.seconds : null);
  const doubtful = (backup) => (!backup.proven && !backup.failed ? backup.seconds : null);
  const bad = (run) => (run.failed ? run.seconds : null);
  const drawn = [
    chart("Backups over time", duration, tried, [["proven", "bar", "dots", good], ["not proven", "warn", "dots", doubtful],
      ["failed", "bad", "dots", bad]], `${many}, ${failed} failed; a run took`),
    chart("Outage", duration, away, [["away", "bar", "line", (backup) => backup.outage_seconds]], several(away.length, "backup")),
    chart("Size", size, made, [["in all", "bar", "line", (backup) => backup.all?.bytes]], many, POWERS),
    chart("New with each backup", size, made, [["new", "bar", "bars", (backup) => backup.new?.bytes]], many, POWERS),
  ];
  return drawn.some(Boolean) ? el("div", { class: "charts" }, drawn) : null;
}

// Seconds by part, each with its share of the longest.
function shares(label, heads, parts) {
  const most = Math.max(...parts.map((part) => part.seconds || 0), 0.001);
  const bar = (part) => el("meter", { "aria-hidden": "true", min: 0, max: 1, value: (part.seconds || 0) / most });
  const rows = parts.map((part) => el("tr", {}, el("th", { scope: "row" }, bdi(part.phase || part.part)),
    el("td", { class: "number" }, duration(part.seconds)), el("td", {}, bar(part))));
  return table(label, [[heads, {}], ["Seconds", { class: "number" }], ["Share", {}]], rows, "shares");
}

function phases(director) {
  const run = lastRun(director, "backup") || newest(director);
  const parts = newest(director)?.outage || [];
  const found = run?.phases?.length ? run.phases : newest(director)?.phases || [];
  if (!found.length && !parts.length) return null;
  const of = run?.phases?.length ? run.began : newest(director).began;
  const card = (words, more, head, all) => all.length
    && el("section", { class: "card" }, el("h2", {}, words, more), shares(words, head, all));
  return el("div", { class: "pair" }, [
    card("Phases of the last run", `, ${date(of)}`, "Phase", found),
    card("Where the outage went", ` in the newest backup`, "Part", parts),
  ].filter(Boolean));
}

function runs(director) {
  const all = director.runs || [];
  if (!all.length) return null;
  const rows = all.map((run) => el("tr", {}, el("th", { scope: "row" }, date(run.began)), el("td", {}, run.kind),
    el("td", {}, badge(...known(OF_OUTCOME, run.outcome))), el("td", { class: "wide number" }, duration(run.seconds)),
    el("td", { class: "said" }, bdi(run.error || run.reason || ""))));
  const heads = [["Began", {}], ["Playbook", {}], ["Outcome", {}], ["Took", { class: "wide number" }], ["Why", {}]];
  return el("section", { class: "card" }, el("h2", {}, "Runs"), table("Runs", heads, rows));
}

function beside(director) {
  const at = told.directors.indexOf(director);
  const link = (one, text, rel) => one && el("a", { href: linkTo(one), rel }, text, " ", bdi(one.name));
  return el("nav", { "aria-label": "Directors" }, el("a", { href: "#" }, "All directors"),
    link(told.directors[at - 1], "Before:", "prev"), link(told.directors[at + 1], "Next:", "next"));
}

function view(director) {
  return [
    beside(director),
    el("header", {}, el("h1", {}, bdi(director.name), " ", badge(...stateOf(director))), asOf(),
      el("p", { class: "faint" }, el("code", {}, director.directory || ""))),
    problems(director),
    facts(director),
    failure(director),
    bringBack(director),
    allCharts(director),
    phases(director),
    backups(director),
    onlyElsewhere(director),
    runs(director),
  ];
}
