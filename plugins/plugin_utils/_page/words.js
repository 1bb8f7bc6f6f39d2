// Numbers and times as a person reads them; sizes and durations as the runs print them.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MINUTE = 60, HOUR = 3600, DAY = 86400;

function size(bytes) {
  if (bytes == null) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit += 1) bytes /= 1024;
  return `${bytes.toFixed(unit ? 1 : 0)} ${units[unit]}`;
}

const two = (number) => String(number).padStart(2, "0");

function duration(seconds) {
  if (seconds == null) return "–";
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / MINUTE);
  if (minutes < 60) return `${minutes} min ${two(Math.floor(seconds % MINUTE))} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

// Of a time in UTC: "28 Nov 2026, 02:00".
function date(iso) {
  const time = new Date(iso);
  if (!iso || Number.isNaN(time.getTime())) return "–";
  const day = `${time.getUTCDate()} ${MONTHS[time.getUTCMonth()]} ${time.getUTCFullYear()}`;
  return `${day}, ${two(time.getUTCHours())}:${two(time.getUTCMinutes())}`;
}

function age(seconds) {
  if (seconds < 2 * MINUTE) return "just now";
  if (seconds < 2 * HOUR) return `${Math.floor(seconds / MINUTE)} min ago`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h ago`;
  return `${Math.floor(seconds / DAY)} d ago`;
}

const ageOf = (iso) => Math.max(0, (Date.now() - new Date(iso).getTime()) / 1000);

const several = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

// The time in an id: 20261128T020000Z.
const timeOf = (id) => (id || "").replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
