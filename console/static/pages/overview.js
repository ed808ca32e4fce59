// The overview: the map, what is open and who has answered, and the last 24 hours.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { newRequest, path, post } from "../api.js";
import { ago, clock, moment, named, span, t } from "../words.js";
import { live, nowMs, useClock, useLive } from "../live.js";
import { District, Legend } from "../map.js";
import { Act, Ask, Badge, Drill, LEVELS, ROMAN, SHAPES, Standing, headline, rank } from "../parts.js";
import { go } from "../app.js";

export default function Overview({ me }) {
  useLive();
  useClock(5000);
  const [picked, setPicked] = useState(-1); // nothing, until a key asks for it
  const [dialog, setDialog] = useState(null);
  const [sought, setSought] = useState("");
  const seek = useRef(null);
  const shown = live.cases.filter((one) => !sought || `${named(one.name)} ${headline(one)} ${one.code}`.toLowerCase().includes(sought.toLowerCase()));
  const index = Math.min(picked, shown.length - 1);
  const chosen = shown[Math.max(index, 0)];
  useEffect(() => {
    const hear = (event) => {
      if (event.target.closest("input, textarea, select, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
      const keys = {
        j: () => setPicked(Math.min(index + 1, shown.length - 1)), k: () => setPicked(Math.max(index - 1, 0)),
        a: () => chosen && me.deeds.includes("answer") && post(`cases/${path(chosen.ref)}/ack`, { request: newRequest() }).catch((error) => setDialog({ kind: "wrong", text: error.message })),
        s: () => chosen && me.deeds.includes("shelve") && setDialog({ kind: "shelve", one: chosen }),
        Enter: () => chosen && document.activeElement === document.body && go(address(chosen)),
        "/": () => { event.preventDefault(); seek.current?.focus(); }, "?": () => setDialog({ kind: "help" }),
      };
      keys[event.key]?.();
    };
    document.addEventListener("keydown", hear);
    return () => document.removeEventListener("keydown", hear);
  });
  useEffect(() => { document.querySelector(".case.selected")?.scrollIntoView({ block: "nearest" }); }, [index]);
  const unanswered = live.cases.filter((one) => ["calling", "unanswered"].includes(one.state) && one.answers.length === 0).length;
  return html`<div class="overview">
    <h1 class="unseen">${t("page.overview")}</h1>
    <section class="panel map-panel" aria-label=${t("map")}><${District} live=${live} open=${(id) => go(`/sites/${id}`)} /><${Legend} /></section>
    <section class="panel cases" aria-label=${t("overview.open")}>
      <header><h2>${t("overview.open")} <span class="muted">${live.cases.length}</span></h2>${unanswered > 0 && html`<span class="waiting">${t("overview.unanswered", { n: unanswered })}</span>`}</header>
      <div class="row"><input ref=${seek} type="search" class="grow" placeholder=${t("overview.search")} aria-label=${t("overview.search")} value=${sought} onInput=${(event) => setSought(event.target.value)} /><button type="button" class="small" onClick=${() => setDialog({ kind: "help" })} title=${t("keys.title")}><kbd>?</kbd></button></div>
      ${shown.map((one, at) => html`<${Case} key=${one.ref} one=${one} me=${me} selected=${at === index && picked >= 0} onShelve=${() => setDialog({ kind: "shelve", one })} />`)}
      ${shown.length === 0 && html`<p class="empty">${sought ? t("overview.none-found") : t("overview.none")}</p>`}
    </section>
    <section class="panel whole" aria-label=${t("overview.day")}><header><h2>${t("overview.day")}</h2></header><${Day} /></section>
    ${dialog?.kind === "shelve" && html`<${Shelve} one=${dialog.one} onClose=${() => setDialog(null)} />`}
    ${dialog?.kind === "help" && html`<${Keys} onClose=${() => setDialog(null)} />`}
    ${dialog?.kind === "wrong" && html`<p class="note bad" role="alert">${dialog.text}</p>`}
  </div>`;
}
export const address = (one) => `/warnings/${encodeURIComponent(one.thread)}/${one.episode}`;

export function Case({ one, me, selected, onShelve }) {
  const now = nowMs();
  const may = (deed) => me?.deeds.includes(deed);
  const level = one.level === "normal" ? (one.message?.level ?? "normal") : one.level;
  const over = ["over", "overdue"].includes(one.state);
  return html`<article class="case ${over ? "" : one.level} ${selected ? "selected" : ""}">
    <div class="row"><${Badge} level=${over ? "normal" : level} /><${Drill} status=${one.message?.status} /><a class="where" href=${address(one)}>${named(one.name)}</a></div>
    <p>${headline(one)}</p>
    <div class="row small"><${Standing} one=${one} /><span class="grow"></span><span class="muted num" title=${moment(one.opened_ms, now)}>${ago(now - one.opened_ms)} · ${t("case.code", { code: one.code })}</span></div>
    ${may("answer") && !over && html`<div class="row actions">
      ${!one.answers.some((answer) => answer.person === me.person) && html`<${Act} kind=${one.answers.length ? "small" : "primary small"} act=${() => post(`cases/${path(one.ref)}/ack`, { request: newRequest() })}>${t("case.ack")}<//>`}
      ${may("shelve") && one.level !== "red" && html`<button type="button" class="small plain" onClick=${onShelve}>${t("case.shelve")}</button>`}
    </div>`}
  </article>`;
}

export function Shelve({ one, onClose }) {
  const send = ({ reason, hours }) => post(`threads/${path(one.thread)}/shelve`, { reason, hours: Number(hours), request: newRequest() });
  return html`<${Ask} title=${t("shelve.title", { name: named(one.name) })} word=${t("case.shelve")} go=${send} onClose=${onClose}>
    <p class="muted">${t("shelve.what")}</p>
    <label>${t("shelve.reason")}<input name="reason" required maxlength="500" /></label>
    <label>${t("shelve.hours")}<select name="hours">${[1, 2, 4, 8, 24, 72].map((n) => html`<option value=${n}>${t("span.hours", { n, m: 0 })}</option>`)}</select></label>
  <//>`;
}
function Keys({ onClose }) {
  const keys = ["j", "k", "Enter", "a", "s", "m", "/", "?"];
  return html`<${Ask} title=${t("keys.title")} word=${t("close")} go=${async () => {}} onClose=${onClose}><table><tbody>${keys.map((key) => html`<tr><td><kbd>${key}</kbd></td><td>${t(`keys.${key}`)}</td></tr>`)}</tbody></table><//>`;
}

// Each story's levels over 24 hours.
function Day() {
  const line = live.timeline;
  if (!line) return html`<p class="empty">${t("loading")}</p>`;
  const threads = new Map();
  for (const [thread, level] of Object.entries(line.before)) threads.set(thread, [{ at_ms: line.from_ms, level }]);
  for (const mark of line.marks) { if (!threads.has(mark.thread)) threads.set(mark.thread, []); threads.get(mark.thread).push({ ...mark, level: mark.kind === "all-clear" ? "normal" : mark.level }); }
  if (threads.size === 0) return html`<p class="empty">${t("overview.quiet")}</p>`;
  const to = Math.max(line.to_ms, nowMs());
  const width = to - line.from_ms;
  const share = (ms) => (100 * (ms - line.from_ms)) / width;
  const rows = [...threads].map(([thread, marks]) => ({ thread, marks, worst: Math.max(...marks.map((mark) => rank(mark.level))) })).sort((a, b) => b.worst - a.worst).slice(0, 12);
  const hours = [];
  for (let at = Math.ceil(line.from_ms / 10800000) * 10800000; at < to - width * 0.02; at += 10800000) hours.push(at);
  return html`<div class="timeline">${rows.map(({ thread, marks }) => {
    const [hazard, asset] = thread.split("--");
    const site = live.district.sites.find((one) => one.asset === asset);
    const episode = marks.findLast((mark) => mark.episode)?.episode ?? 1;
    return html`<a href=${`/warnings/${thread}/${episode}`}>${site ? named(site.name) : asset} <span class="muted">${named(live.district.hazards[hazard])}</span></a>
      <div class="bar">${marks.map((mark, index) => mark.level !== "normal" && html`<span class=${mark.level} style=${{ left: `${share(mark.at_ms)}%`, width: `${share(marks[index + 1]?.at_ms ?? to) - share(mark.at_ms)}%` }} title=${`${moment(mark.at_ms, to)} ${t(`level.${mark.level}`)}`}>${SHAPES[mark.level]} ${ROMAN[mark.level]}</span>`)}</div>`;
  })}<span></span><div class="hours">${hours.map((at) => html`<span style=${{ left: `${share(at)}%` }}>${clock(at, false)}</span>`)}</div></div>`;
}
export { LEVELS, span };
