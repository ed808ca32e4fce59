// One site: newest values, plots with limits, its devices, and its warnings.
import { html, useState } from "../vendor/htm-preact-3.1.1.js";
import { ask, path, post } from "../api.js";
import { figure, maybe, moment, named, quantity, span, t, unit } from "../words.js";
import { area, live, nowMs, useClock, useLive } from "../live.js";
import { Ask, Badge, useAsked } from "../parts.js";
import { Series } from "../plot.js";
import { Case } from "./overview.js";
import { Hours } from "./story.js";

export default function Site({ me, steps: [id] }) {
  useLive();
  const now = useClock(5000);
  const [hours, setHours] = useState(12);
  const [reporting, setReporting] = useState(false);
  const site = live.district.sites.find((one) => one.id === id);
  const newest = useAsked(() => ask(`latest?site=${path(id)}`), [id, Math.floor(now / 20000)]);
  if (!site) return html`<p class="note bad">${t("site.none", { id })}</p>`;
  const [level, heard, silent, of] = live.now?.sites[id] ?? ["normal", null, 0, 0];
  const devices = live.district.devices.filter((one) => one.site === id);
  const cases = live.cases.filter((one) => one.asset === site.asset);
  return html`<div class="stack">
    <section class="panel head ${level}"><div class="row"><${Badge} level=${of && silent === of && level === "normal" ? "offline" : level} /><span class="muted">${t(`kind.${site.kind}`)} · ${named(area(site.area)?.name)}</span></div><h1>${named(site.name)}</h1>
      <p class="muted">${heard === null ? t("age.never") : t("age.newest", { span: span(nowMs() - heard) })}${silent ? html` · <span class="waiting">${t("site.silent", { n: silent, of })}</span>` : ""}${site.upstream.length ? html` · ${t("site.upstream")} ${site.upstream.map((up) => html`<a href=${`/sites/${up}`}>${named(live.district.sites.find((one) => one.id === up)?.name) || up}</a> `)}` : ""}</p></section>
    ${cases.length > 0 && html`<section class="stack">${cases.map((one) => html`<${Case} key=${one.ref} one=${one} me=${me} />`)}</section>`}
    <div class="row"><h2>${t("story.plot")}</h2><${Hours} hours=${hours} onPick=${setHours} /><span class="grow"></span>${me.deeds.includes("report") && html`<button type="button" onClick=${() => setReporting(true)}>${t("report.title")}…</button>`}</div>
    ${reporting && html`<${Report} devices=${devices} onClose=${() => { setReporting(false); newest.again(); }} />`}
    <div class="two">${devices.map((device) => device.points.filter((point) => point.id !== "answers").map((point) => html`<${Quantity} key=${device.id + point.id} device=${device} point=${point} hours=${hours} newest=${newest.value?.latest.find((one) => one.device === device.id && one.point === point.id)} now=${now} />`))}</div>
    <section class="panel"><header><h2>${t("site.devices")}</h2></header><div class="scroll"><table><thead><tr><th>${t("site.device")}</th><th>${t("site.instrument")}</th><th>${t("site.gateway")}</th><th>${t("site.every")}</th><th>${t("site.datum")}</th></tr></thead><tbody>
      ${devices.map((device) => html`<tr key=${device.id}><td><strong>${named(device.name)}</strong><br /><span class="mono muted">${device.id}</span></td><td class="mono">${device.profile}</td><td class="mono">${device.gateway} / ${device.bus}</td><td class="num">${span(device.every_s * 1000)}</td><td class="num">${device.datum.zero ? `${device.datum.zero} m ${device.datum.system ?? ""}` : "–"}</td></tr>`)}</tbody></table></div></section>
  </div>`;
}

// What a keeper read by eye.
function Report({ devices, onClose }) {
  const points = devices.flatMap((device) => device.points.filter((point) => !point.counter).map((point) => ({ device, point, id: `${device.id}:${point.id}` })));
  const send = ({ series, value, note }) => { const { device, point } = points.find((one) => one.id === series); return post("readings", { device: device.id, point: point.id, value: Number(value), note }); };
  return html`<${Ask} title=${t("report.title")} word=${t("report.go")} go=${send} onClose=${onClose}><p class="muted">${t("report.what")}</p>
    <label>${t("report.series")}<select name="series">${points.map((one) => html`<option value=${one.id}>${named(one.device.name)} · ${maybe(`point.${one.point.id}`, one.point.id)} (${unit(one.point.unit)})</option>`)}</select></label>
    <label>${t("report.value")}<input name="value" type="number" step="any" required inputmode="decimal" /></label>
    <label>${t("report.note")}<input name="note" maxlength="500" /></label><//>`;
}

function Quantity({ device, point, hours, newest, now }) {
  const found = useAsked(() => ask(`series/${path(device.id, point.id)}/limits`), [device.id, point.id]);
  const doubt = newest && newest.quality !== "good";
  const from = Math.round(now - hours * 3600000);
  return html`<section class="panel"><header><h3>${named(device.name)} · ${maybe(`point.${point.id}`, point.id)}${point.counter ? ` (${t("plot.per-step")})` : ""}</h3>
    ${newest && html`<span class="num"><strong>${quantity(newest.value, point.unit)}</strong> <span class=${doubt ? "waiting small" : "muted small"}>${moment(newest.at_ms, now)}${doubt ? ` ${newest.quality}` : ""}</span></span>`}</header>
    ${found.value && html`<${Series} plot=${found.value} hours=${hours} height=${220} />`}
    <a class="small" download href=${`/api/v1/series/${path(device.id, point.id)}/history?form=csv&limit=20000&from_ms=${from}`}>${t("plot.csv")}</a></section>`;
}
export { figure, unit };
