// Charts, by uPlot. What they show stands in tables, too; arrow keys go from one backup to the next.

const charts = new Set();

// Colours as the style has them for what is shown now: light, dark or paper.
function ink(name) {
  const probe = document.body.appendChild(el("i", { class: `ink ${name}` }));
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

const inks = {};
const inked = (name) => () => (inks[name] ||= ink(name));

function axis(values, more = {}) {
  return { stroke: inked("faint"), grid: { stroke: inked("line"), width: 1 }, ticks: { show: false }, values, ...more };
}

const bars = (most) => uPlot.paths.bars({ size: [0.7, most, 2] });

// How a series is drawn: as bars, as dots, or as a line above its area.
function series(one) {
  const all = { label: one.label, stroke: inked(one.ink), fill: inked(one.ink), width: 0, points: { show: false }, paths: bars(18) };
  if (one.kind === "dots") return { ...all, paths: () => null, points: { show: true, size: 5, width: 0, fill: inked(one.ink) } };
  if (one.kind === "line") return { ...all, width: 2, fill: inked(`${one.ink}-area`), spanGaps: true, paths: uPlot.paths.linear() };
  return all;
}

const utc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");

const DATES = [
  [31536000, "{YYYY}", null, null, null, null, null, null, 1], [2419200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86400, "{D} {MMM}", null, null, null, null, null, null, 1], [3600, "{HH}:{mm}", "\n{D} {MMM}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM}", null, null, null, null, null, 1], [1, "{HH}:{mm}", "\n{D} {MMM}", null, null, null, null, null, 1],
];

// Leaves room for the first and the last bar, and for one alone.
function range(chart, least, most) {
  const room = Math.max((most - least) * 0.02, DAY / 2);
  return [least - room, most + room];
}

function options(wanted, read) {
  return {
    width: 300, height: 170, tzDate: utc, legend: { show: false }, scales: { x: { range }, y: { range: (u, a, b) => [0, (b || 1) * 1.1] } },
    series: [{}, ...wanted.series.map(series)], padding: [8, 8, 0, 0],
    axes: [axis(DATES, { space: 60, size: 40 }), axis((u, ticks) => ticks.map(shortly(wanted)), { size: 70, space: 36, incrs: wanted.steps })],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, sync: { key: "backups" } },
    hooks: { setCursor: [(u) => read(u.cursor.idx)] },
  };
}

// For an axis: "20 s" of "20.0 s".
const shortly = (wanted) => (value) => wanted.unit(value).replace(".0 ", " ");

// What is under the pointer, in words.
function reading(wanted, index) {
  const values = wanted.series.filter((one) => one.values[index] != null).map((one) => `${one.label} ${wanted.unit(one.values[index])}`);
  return `${date(wanted.times[index] * 1000)}: ${values.join(", ")}`;
}

function step(chart, wanted, event) {
  const by = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  if (!by) return;
  event.preventDefault();
  const last = wanted.times.length - 1;
  const index = Math.min(last, Math.max(0, (chart.cursor.idx ?? (by < 0 ? last + 1 : -1)) + by));
  chart.setCursor({ left: chart.valToPos(wanted.times[index], "x"), top: 0 });
  say(reading(wanted, index));
}

// Steps of an axis of bytes.
const POWERS = Array.from({ length: 50 }, (dummy, power) => 2 ** power);

// wanted: title, unit (a function), steps of the axis, times (seconds, ascending), series: [{label, ink, kind, values}];
// told: the same in a sentence
function figure(wanted, told) {
  const place = el("div", { class: "chart", role: "img", tabindex: "0", "aria-label": `${wanted.title}. ${told}` });
  const shown = el("span", { class: "faint" }, told);
  const keys = wanted.series.map((one) => el("span", { class: `key ${one.ink}` }, one.label));
  const read = (index) => { shown.textContent = index == null ? told : reading(wanted, index); };
  const data = [wanted.times, ...wanted.series.map((one) => one.values)];
  const drawn = () => place.isConnected && plot(place, options(wanted, read), data, (chart) => {
    place.addEventListener("keydown", (event) => step(chart, wanted, event));
  });
  const words = el("figcaption", {}, el("strong", {}, wanted.title), " ", wanted.series.length > 1 ? keys : "", el("br"), shown);
  queueMicrotask(drawn);
  return el("figure", {}, words, place);
}

function plot(place, wanted, data, then = () => {}) {
  const chart = new uPlot(wanted, data, place);
  charts.add({ chart, place });
  fit({ chart, place });
  then(chart);
}

const PAPER = 640;

function fit({ chart, place }) {
  const width = matchMedia("print").matches ? PAPER : place.clientWidth;
  if (width && chart.width !== width && !place.classList.contains("small")) chart.setSize({ width, height: chart.height });
}

function redraw() {
  for (const name of Object.keys(inks)) delete inks[name];
  for (const one of charts) {
    fit(one);
    one.chart.redraw();
  }
}

// Before another view is shown.
function clearCharts() {
  for (const { chart } of charts) chart.destroy();
  charts.clear();
}

for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", redraw);
addEventListener("resize", () => charts.forEach(fit));

// Without axes, for a line of a table.
function small(told, times, all) {
  const place = el("div", { class: "chart small", role: "img", "aria-label": told });
  const wanted = {
    width: 150, height: 26, legend: { show: false }, cursor: { show: false }, padding: [2, 0, 2, 0],
    axes: [{ show: false }, { show: false }],
    scales: { x: { range: (u, a, b) => [b - 30 * DAY, b + DAY / 2] }, y: { range: (u, a, b) => [0, b || 1] } },
    series: [{}, ...all.map((one) => ({ ...series(one), paths: bars(4) }))],
  };
  queueMicrotask(() => place.isConnected && plot(place, wanted, [times, ...all.map((one) => one.values)]));
  return place;
}
