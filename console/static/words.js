// Words in the reader's language, from the catalogues; times and figures as people of the district write them.
const KEY = "tocsin.language";
export const LANGUAGES = { zh: "zh-CN", en: "en" };
let catalogue = {};
export let language = "zh";
let zone = "Asia/Shanghai";

export async function loadWords(wanted) {
  const known = wanted || localStorage.getItem(KEY) || (navigator.language.startsWith("zh") ? "zh" : "en");
  language = known === "en" ? "en" : "zh";
  const answer = await fetch(`/static/i18n/${LANGUAGES[language]}.json`);
  catalogue = await answer.json();
  document.documentElement.lang = LANGUAGES[language];
}

export async function speak(wanted) {
  localStorage.setItem(KEY, wanted);
  await loadWords(wanted);
}

export function t(key, values = {}) {
  const text = catalogue[key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// Some words are data's: a kind of entry, of site, of quality. What nobody named is shown as it is.
export const maybe = (key, otherwise) => catalogue[key] ?? otherwise;
export const list = (words) => words.filter(Boolean).join(language === "zh" ? "、" : ", ");
export const named = (names) => (names ? names[language] ?? names.en : "");
export const setZone = (name) => { zone = name; };
export const zoneName = () => zone;

const formats = new Map();
function format(options) {
  const key = zone + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options }));
  return formats.get(key);
}
const parts = (ms, options) => Object.fromEntries(format(options).formatToParts(ms).map((part) => [part.type, part.value]));
export function clock(ms, seconds = true) {
  const p = parts(ms, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return seconds ? `${p.hour}:${p.minute}:${p.second}` : `${p.hour}:${p.minute}`;
}
export function day(ms) {
  const p = parts(ms, { year: "numeric", month: "2-digit", day: "2-digit" });
  return `${p.year}-${p.month}-${p.day}`;
}
// The day is said only where it is not the day of `now`.
export const moment = (ms, now) => (day(ms) === day(now) ? clock(ms) : `${day(ms).slice(5)} ${clock(ms, false)}`);

export function span(ms) {
  const minutes = Math.max(0, Math.round(ms / 60000));
  if (ms < 60000) return t("span.seconds", { n: Math.max(0, Math.round(ms / 1000)) });
  if (minutes < 120) return t("span.minutes", { n: minutes });
  if (minutes < 2880) return t("span.hours", { n: Math.floor(minutes / 60), m: minutes % 60 });
  return t("span.days", { n: Math.floor(minutes / 1440) });
}
export const ago = (ms) => t("span.ago", { span: span(ms) });

export function figure(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  return String(Number(value.toFixed(digits)));
}
const UNITS = { "m3/h": "m³/h", "m3/s": "m³/s", "ug/m3": "µg/m³", "mg/m3": "mg/m³", 1: "" };
export const unit = (name) => UNITS[name] ?? name;
export const quantity = (value, name) => `${figure(value)}${unit(name) ? ` ${unit(name)}` : ""}`;
