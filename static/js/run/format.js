// Numbers and times as a person reads them.

/** "3.214", "0.0213", "–": four significant digits, without an exponent. */
export function loss(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const digits = Math.max(0, Math.min(6, 3 - Math.floor(Math.log10(Math.abs(value) || 1))));
  return value.toFixed(digits);
}

/** Puts values into "{name}" places. */
export function fill(words, values) {
  return words.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}

/** Seconds as "3시간 20분", "12분", or less than a minute. */
export function duration(seconds, words) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 60) return words.under_a_minute;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return fill(words.minutes, { minutes });
  return fill(words.hours, { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/** How long a run will still take, by its newest step; until that is known, that it is being measured. */
export function remaining(progress, words) {
  return progress.settled === false ? words.measuring : duration(progress.eta_seconds, words);
}

/** "4.8", "120": steps a minute. */
export function rate(perMinute) {
  return perMinute >= 20 ? String(Math.round(perMinute)) : perMinute.toFixed(1);
}

/** 12,000 as the page's language groups it, as the server does: some browsers' 12.000 is no loss of 12. */
export function count(value, language = globalThis.document?.documentElement.lang) {
  return new Intl.NumberFormat(language).format(value);
}
