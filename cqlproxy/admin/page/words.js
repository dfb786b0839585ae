// Numbers, times and names as people read them.

const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
const clock = new Intl.DateTimeFormat("en-GB", {hour: "2-digit", minute: "2-digit", second: "2-digit"});
const dayAndClock = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

export const count = number => whole.format(number);

// Three digits and a unit: 0.35, 12.4, 1,240, 254 k, 5.1 M.
export function short(number) {
  if (number === null) return "–";
  const size = Math.abs(number);
  if (size >= 999_500) return digits(number / 1e6) + " M";
  if (size >= 99_950) return digits(number / 1e3) + " k";
  if (size >= 100 || Number.isInteger(number)) return whole.format(number);
  return digits(number);
}

// A rate: no fractions that jump about.
export const perSecond = number => short(number >= 10 ? Math.round(number) : number);

// Three of them, without zeros at the end.
function digits(number) {
  const size = Math.abs(number);
  return String(Number(number.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)));
}

export function milliseconds(number) {
  if (number === null) return "–";
  return number >= 1000 ? digits(number / 1000) + " s" : digits(number) + " ms";
}

// In the two largest units: 850 ms, 12 s, 2 min 5 s, 3 h 12 min, 4 d 2 h.
export function duration(seconds) {
  if (seconds < 1) return Math.round(seconds * 1000) + " ms";
  if (seconds < 10) return digits(seconds) + " s";
  const rest = Math.round(seconds);
  if (rest < 60) return rest + " s";
  if (rest < 3600) return Math.floor(rest / 60) + " min " + (rest % 60) + " s";
  if (rest < 86400) return Math.floor(rest / 3600) + " h " + Math.floor(rest / 60) % 60 + " min";
  return Math.floor(rest / 86400) + " d " + Math.floor(rest / 3600) % 24 + " h";
}

// The same in whole seconds, for what goes on.
export const since = seconds => seconds < 1 ? "0 s" : duration(Math.floor(seconds));

export function bytes(number) {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    if (number >= size) return digits(number / size) + " " + unit;
  }
  return number + " bytes";
}

// Of seconds since the epoch; with the day when that is another one than today's.
export function time(seconds) {
  const at = new Date(seconds * 1000);
  return at.toDateString() === new Date().toDateString() ? clock.format(at) : dayAndClock.format(at);
}

export const clockOf = seconds => clock.format(new Date(seconds * 1000));
export const minutesOf = seconds => clock.format(new Date(seconds * 1000)).slice(0, 5);

export const spaced = name => name.replaceAll("_", " ");

export function copies(number) {
  return number === 1 ? "1 copy" : count(number) + " copies";
}
