// The present, kept up by the stream of events: missed nothing, for each event's number is remembered.
import { useEffect, useState } from "./vendor/htm-preact-3.1.1.js";
import { ask } from "./api.js";

const LOST_AFTER_MS = 5000;
const LOOK_EVERY_MS = 5000;
const state = { district: null, now: null, cases: [], timeline: null, connected: false, lost: false, seq: 0, events: 0 };
const hearers = new Set();
const newsHearers = new Set();
let source = null;
let heardAt = 0;
let base = { now_ms: Date.now(), at: performance.now(), speed: 1 };
let timers = [];
let due = null;

export const live = state;
const tell = () => hearers.forEach((hear) => hear());
export function useLive() {
  const [, again] = useState(0);
  useEffect(() => {
    const hear = () => again((n) => n + 1);
    hearers.add(hear);
    return () => hearers.delete(hear);
  }, []);
  return state;
}
// Calls `hear` with each new entry of the ledger.
export function useNews(hear, inputs) {
  useEffect(() => {
    newsHearers.add(hear);
    return () => newsHearers.delete(hear);
  }, inputs);
}
// Event time: the district's clock, which in a demo runs faster than the wall's.
export const nowMs = () => base.now_ms + (performance.now() - base.at) * base.speed;
export function useClock(everyMs = 1000) {
  const [, again] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => again((n) => n + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs();
}
function keepTime(now_ms, speed = base.speed) { base = { now_ms, at: performance.now(), speed }; }

async function look() {
  const [now, cases] = await Promise.all([ask("now"), ask("cases")]);
  keepTime(now.now_ms, now.speed);
  state.now = now;
  state.cases = cases.cases;
  state.seq = Math.max(state.seq, now.seq);
  tell();
}
export async function lookAtTimeline() { state.timeline = await ask("timeline?hours=24"); tell(); }
function lookSoon() { // a burst of events is one look
  if (due) return;
  due = setTimeout(() => { due = null; look().catch(() => {}); lookAtTimeline().catch(() => {}); }, 60);
}

const KINDS = ["transition", "warning", "receipt", "attempt", "case", "shelf", "reply", "watch", "drill"];
function listen() {
  source?.close();
  source = new EventSource(`/api/v1/events?after=${state.seq}`);
  source.addEventListener("pulse", (event) => { heard(); keepTime(JSON.parse(event.data).now_ms); });
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      heard();
      const entry = JSON.parse(event.data);
      if (entry.seq <= state.seq) return; // came with what was looked up, or came before
      state.seq = entry.seq;
      state.events += 1;
      if (kind !== "attempt") lookSoon();
      newsHearers.forEach((hear) => hear(entry));
    });
  }
  source.onerror = () => { if (source.readyState === EventSource.CLOSED) setTimeout(again, 1500); };
}
async function again() {
  try { await look(); listen(); } catch { if (source) setTimeout(again, 3000); }
}
function heard() {
  heardAt = performance.now();
  if (!state.connected || state.lost) { state.connected = true; state.lost = false; tell(); }
}
function check() {
  const lost = performance.now() - heardAt > LOST_AFTER_MS;
  if (lost !== state.lost) { state.lost = lost; tell(); }
}

export async function begin() {
  stop();
  state.district = await ask("district");
  const now = await ask("now");
  state.seq = now.seq;
  heardAt = performance.now();
  await look();
  listen();
  lookAtTimeline().catch(() => {});
  timers = [setInterval(check, 500), setInterval(() => { if (!document.hidden) look().catch(() => {}); }, LOOK_EVERY_MS), setInterval(() => lookAtTimeline().catch(() => {}), 60000)];
}
export function stop() {
  timers.forEach(clearInterval);
  timers = [];
  source?.close();
  source = null;
}
export const site = (id) => state.district?.sites.find((one) => one.id === id);
export const area = (id) => state.district?.areas.find((one) => one.id === id);
export const device = (id) => state.district?.devices.find((one) => one.id === id);
