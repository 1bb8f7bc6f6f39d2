// What state a director, a run and a backup are in: a kind (its colour and sign) and a word.

const WORST_FIRST = ["bad", "none", "warn", "busy", "good"];
const OF_STATE = { failed: ["bad", "Failed"], none: ["bad", "No backup"], unreadable: ["bad", "Unreadable"] };
const OF_HEALTH = [["good", "Fine"], ["warn", "Warning"], ["bad", "Critical"], ["none", "Unknown"]];
const OF_VERDICT = {
  proven: ["good", "Proven"], still: ["good", "Proven, online"], moved: ["warn", "Moved"], lost_blobs: ["warn", "Blobs lost"],
  damaged: ["bad", "Damaged"], not_proven: ["warn", "Not proven"], unreadable: ["bad", "Unreadable"],
};
const OF_OUTCOME = {
  succeeded: ["good", "Succeeded"], failed: ["bad", "Failed"], refused: ["warn", "Refused"], killed: ["bad", "Killed"],
  running: ["busy", "Running"],
};

const known = (table, key) => (Object.hasOwn(table, key) && table[key]) || ["none", String(key ?? "Unknown")];

function stateOf(director) {
  const found = OF_HEALTH[director.health?.status ?? 0] || OF_HEALTH[3];
  if (Object.hasOwn(OF_STATE, director.state)) return OF_STATE[director.state];
  return director.state === "running" && found[0] === "good" ? ["busy", "Running"] : found;
}

const lastRun = (director, kind) => (director.runs || []).find((run) => run.kind === kind);
const backupOf = (director, id) => (director.backups || []).find((backup) => backup.id === id);
const newest = (director) => (director.backups || [])[0];

// All that is wrong with a director, in words, what is worst first.
function problemsOf(director) {
  const of = director.health?.problems || [];
  const kinds = { 1: "warn", 2: "bad", 3: "none" };
  const found = of.map((problem) => [kinds[problem.status] || "warn", problem.said]);
  const rules = new Set(of.map((problem) => problem.rule));
  if (director.restore_open && !rules.has("restore_open")) found.push(["bad", `A restore is left open: ${director.restore_open.said}`]);
  if (director.lease_fired && !rules.has("lease_fired")) found.push(["bad", `A lease fired: ${director.lease_fired.said}`]);
  for (const said of director.problems || []) found.push(["warn", said]);
  return found.sort((a, b) => WORST_FIRST.indexOf(a[0]) - WORST_FIRST.indexOf(b[0]));
}

const cameToNothing = (run) => run.outcome === "failed" || run.outcome === "killed";

const failedBackups = (director) => (director.runs || []).filter((run) => run.kind === "backup" && cameToNothing(run));

// The newest run that came to no good end, and whether nothing of its kind has succeeded since.
function lastFailure(director) {
  const runs = director.runs || [];
  const failed = runs.find(cameToNothing);
  const after = failed && runs.slice(0, runs.indexOf(failed)).some((run) => run.kind === failed.kind && run.outcome === "succeeded");
  return { failed, mended: Boolean(after) };
}
