// Gateways and server processes: alive or not, and what they say of themselves.
import { html } from "../vendor/htm-preact-3.1.1.js";
import { maybe, list, named, span, t } from "../words.js";
import { live, nowMs, useClock, useLive } from "../live.js";

const SILENT_MS = 30000;
export default function Gateways() {
  useLive();
  useClock(2000);
  const now = nowMs();
  const speed = live.now?.speed ?? 1;
  const names = [...new Set(live.district.devices.map((one) => one.gateway))];
  const services = Object.entries(live.now?.services ?? {});
  const servers = services.filter(([name]) => !names.includes(name));
  return html`<div class="stack"><h1>${t("page.gateways")}</h1>
    <div class="cards">${names.map((name) => html`<${Process} key=${name} name=${name} beat=${live.now?.services[name]} now=${now} speed=${speed} devices=${live.district.devices.filter((one) => one.gateway === name)} />`)}</div>
    <h2>${t("gateways.servers")}</h2>
    <div class="cards">${servers.map(([name, beat]) => html`<${Process} key=${name} name=${name} beat=${beat} now=${now} speed=${speed} />`)}</div></div>`;
}
function Process({ name, beat, now, speed, devices }) {
  const age = beat?.at_ms ? now - beat.at_ms : null;
  const alive = beat?.state === "up" && (age === null || age / speed < SILENT_MS);
  return html`<section class="panel"><header><h3 class="mono">${name}</h3>${alive ? html`<span class="answered">● ${t("gateways.up")}</span>` : html`<span class="badge offline">${t("level.offline")}</span>`}</header>
    <p class="muted small">${beat ? (age === null ? "" : t("gateways.beat", { span: span(age) })) : t("gateways.never")}</p>
    ${devices && html`<p class="small">${list(devices.map((one) => named(one.name)))}</p>`}
    ${beat && html`<table><tbody>${Object.entries(beat.counters).map(([key, value]) => html`<tr><td class="muted">${maybe(`counter.${key}`, key)}</td><td class="num">${Number.isInteger(value) ? value : value.toFixed(2)}</td></tr>`)}</tbody></table>`}</section>`;
}
