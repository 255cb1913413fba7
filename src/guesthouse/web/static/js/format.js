// How times and durations read; the same words as words.py has.
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function ago(when, now) {
  const seconds = (now - when) / 1000;
  const span = Math.abs(seconds);
  if (span < 45) return seconds >= 0 ? "just now" : "in a moment";
  if (span >= 30 * DAY) {
    return when.toLocaleDateString("en-GB", { day: "2-digit", month: "short", year: "numeric", timeZone: "UTC" });
  }
  const text = amount(span);
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

function amount(span) {
  if (span < HOUR) return `${Math.max(Math.round(span / MINUTE), 1)} min`;
  if (span < DAY) return `${Math.round(span / HOUR)} h`;
  const days = Math.round(span / DAY);
  return days === 1 ? "1 day" : `${days} days`;
}

export function duration(seconds) {
  if (seconds < 10) return `${Math.max(seconds, 0).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min ${whole % MINUTE} s`;
  return `${Math.floor(whole / HOUR)} h ${Math.floor((whole % HOUR) / MINUTE)} min`;
}

export function clock(date) {
  return date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
