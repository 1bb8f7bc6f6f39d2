// The backups of a director, and the command that brings each back.

const verdict = (backup) => badge(...known(OF_VERDICT, backup.verdict));

function kept(backup) {
  const archive = backup.archive && (backup.archive.encrypted ? "encrypted archive" : "archive");
  return [backup.pinned && "pinned", archive, backup.signed && "signed", backup.offsite && "copied"].filter(Boolean).join(", ");
}

function read(backup) {
  const { verified } = backup;
  if (!verified) return el("span", { class: "faint" }, "not since");
  return [verified.whole ? "" : badge("bad", "not whole"), " ", ago(verified.at)];
}

function names(label, all) {
  return all?.length ? [el("h3", {}, label), el("ul", { class: "names" }, all.map((name) => el("li", {}, bdi(name))))] : null;
}

// What is not as it should be, in words.
function wrong(backup) {
  const lost = backup.lost_blobs ? `The director had lost ${several(backup.lost_blobs, "blob")} before this backup was made` : "";
  const newly = backup.newly_lost ? `; an earlier backup has ${backup.newly_lost} of them` : "";
  return [
    [backup.problem, backup.without, lost && `${lost}${newly}.`].filter(Boolean).map((said) => el("p", { class: "error" }, bdi(said))),
    names("What moved while it was copied", backup.online_moved),
    names("What was found when it was read again", backup.verified?.findings),
    names("What was found when it was rehearsed", backup.rehearsed?.problems),
  ];
}

// A copy may be whole where the backup here is not.
function fromElsewhere(director, id) {
  const { restore, repository } = director.offsite || {};
  const line = restore ? command(`${director.restore} ${restore}${id}`, `restores ${id} from its copy elsewhere`)
    : el("p", {}, `It is in ${repository || "a repository"}, which microbosh_offsite of this director does not name any more.`);
  return [el("h3", {}, "From its copy elsewhere"), line];
}

const copySaid = (copy) => (copy ? `of its ${copy.of || "backup"}, ${size(copy.size)}, snapshot ${copy.snapshot || "–"}` : "");

function comesBack(director, backup) {
  const about = `restores ${backup.id}`;
  const elsewhere = backup.offsite && fromElsewhere(director, backup.id);
  if (!backup.restore) {
    const proven = director.newest_proven;
    const other = proven && proven !== backup.id ? ` The newest proven one is ${proven}.` : "";
    return [el("p", {}, `A restore would refuse this backup.${other}`), elsewhere];
  }
  const whole = (from) => `${director.restore} ${from}`;
  const archive = backup.restore_archive
    && [el("h3", {}, "From its archive"), command(whole(backup.restore_archive), `${about} from its archive`)];
  const more = el("p", { class: "faint" }, "With --check --diff behind it, it only tells what it would change.");
  return [command(whole(backup.restore), about), more, archive, elsewhere];
}

function rehearsalOf({ rehearsed: found }) {
  if (!found) return "never";
  const back = found.rto_seconds ? `; back in ${duration(found.rto_seconds)}` : "";
  return `${date(found.at)}, ${found.good ? "it loaded" : "it did not load"}${back}`;
}

const filesOf = (counted) => (counted ? `${several(counted.files, "file")}, ${size(counted.bytes)}` : "");

function inside(director, backup) {
  const parts = (backup.outage || []).map((one) => `${one.part} ${duration(one.seconds)}`).join(", ");
  const all = [
    ["Path", backup.path], ["Took", duration(backup.seconds)], ["Copied", filesOf(backup.copied)], ["New", filesOf(backup.new)],
    ["In all", filesOf(backup.all)], ["Outage", parts || outageSaid(backup)], ["Rehearsed", rehearsalOf(backup)],
    ["Archive", backup.archive ? `${backup.archive.path}, ${size(backup.archive.bytes)}` : ""], ["Copy elsewhere", copySaid(backup.offsite)],
  ].filter(([, value]) => value);
  const list = all.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, bdi(value))));
  return [comesBack(director, backup), wrong(backup), el("dl", { class: "more" }, list)];
}

let opened = 0;

// The button of a row that makes the one below it when it is asked for.
function opener(about, columns, made) {
  const id = `more-${opened += 1}`;
  const press = (event) => {
    const button = event.currentTarget, open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) document.getElementById(id).remove();
    else button.closest("tr").after(el("tr", { id, class: "inside" }, el("td", { colspan: columns }, made())));
  };
  return el("button", { type: "button", "aria-expanded": "false", "aria-label": `Restore, and all about ${about}`, click: press }, "Restore …");
}

const dated = (backup) => el("th", { scope: "row" }, date(backup.began || timeOf(backup.id)), el("span", { class: "faint id" }, bdi(backup.id)));

function backupRow(director, backup) {
  const lost = backup.lost_blobs ? el("span", { class: "faint" }, ` ${several(backup.lost_blobs, "blob")} lost`) : null;
  return el("tr", { "data-id": backup.id },
    dated(backup),
    el("td", {}, verdict(backup), lost),
    el("td", {}, opener(backup.id, 9, () => inside(director, backup))),
    el("td", { class: "wide" }, backup.mode || "–"),
    el("td", { class: "wide number" }, outageSaid(backup)),
    el("td", { class: "wide number" }, size(backup.new?.bytes)),
    el("td", { class: "wide number" }, size(backup.all?.bytes)),
    el("td", { class: "wide" }, read(backup)),
    el("td", { class: "wide faint" }, kept(backup)));
}

const BACKUP_HEADS = [
  ["Backup", {}], ["Verdict", {}], ["Comes back", {}], ["Mode", { class: "wide" }], ["Outage", { class: "wide number" }],
  ["New", { class: "wide number" }], ["In all", { class: "wide number" }], ["Read again", { class: "wide" }], ["Kept", { class: "wide" }],
];

function backups(director) {
  const all = director.backups || [];
  const rows = all.map((backup) => backupRow(director, backup));
  const shown = all.length ? table("Backups", BACKUP_HEADS, rows, "backups") : el("p", {}, "There is no backup.");
  return el("section", { class: "card" }, el("h2", {}, `Backups (${all.length})`), shown);
}

// What is in the repository and not here any more.
function onlyElsewhere(director) {
  const { only = [], copies, at } = director.offsite || {};
  if (!only.length) return null;
  const rows = only.map((copy) => el("tr", { "data-id": copy.id }, dated(copy),
    el("td", {}, opener(copy.id, 3, () => fromElsewhere(director, copy.id))), el("td", {}, bdi(copySaid(copy)))));
  const heads = [["Backup", {}], ["Comes back", {}], ["Copy", {}]];
  const of = el("span", { class: "faint" }, ` of ${several(copies, "copy", "copies")}, as of ${date(at)} UTC`);
  return el("section", { class: "card" }, el("h2", {}, `Only elsewhere (${only.length})`, of), table("Only elsewhere", heads, rows, "backups"));
}
