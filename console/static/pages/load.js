// Alarm load: how much people are told, by what, and how long they take to answer.
import { html, useState } from "../vendor/htm-preact-3.1.1.js";
import { ask } from "../api.js";
import { day, figure, named, span, t } from "../words.js";
import { live, useLive } from "../live.js";
import { LEVELS, Loading, useAsked } from "../parts.js";

export default function Load() {
  useLive();
  const [days, setDays] = useState(7);
  const found = useAsked(() => ask(`load?days=${days}`), [days]);
  if (!found.value) return html`<${Loading} of=${found} />`;
  const load = found.value;
  const most = Math.max(1, ...load.days.map((one) => Object.values(one.levels).reduce((a, b) => a + b, 0)));
  const figures = [["messages", load.messages], ["per-day", figure(load.messages / days)], ["cases", load.cases], ["answered", load.cases ? `${load.answered} / ${load.cases}` : "–"], ["p50", load.answer_ms.p50 === null ? "–" : span(load.answer_ms.p50)], ["p95", load.answer_ms.p95 === null ? "–" : span(load.answer_ms.p95)]];
  return html`<div class="stack"><div class="row"><h1>${t("page.load")}</h1><span class="grow"></span><label class="row">${t("load.days")}<select value=${days} onChange=${(event) => setDays(Number(event.target.value))} style=${{ width: "auto" }}>${[1, 7, 30, 90].map((n) => html`<option value=${n}>${t("span.days", { n })}</option>`)}</select></label></div>
    <section class="panel"><dl class="facts large">${figures.map(([key, value]) => html`<div><dt>${t(`load.${key}`)}</dt><dd class="num">${value}</dd></div>`)}</dl></section>
    <section class="panel"><header><h2>${t("load.by-day")}</h2></header>${load.messages === 0 ? html`<p class="empty">${t("load.none")}</p>` : html`<div class="columns">${load.days.map((one) => { const total = Object.values(one.levels).reduce((a, b) => a + b, 0); return html`<div class="column" title=${`${day(one.at_ms)}: ${total}`}><span class="num small">${total || ""}</span><div class="pile" style=${{ height: `${(100 * total) / most}%` }}>${[...LEVELS, "normal"].map((level) => one.levels[level] && html`<i class=${level} style=${{ flexGrow: one.levels[level] }}></i>`)}</div><span class="small muted num">${day(one.at_ms).slice(5)}</span></div>`; })}</div>`}</section>
    <div class="two"><section class="panel"><header><h2>${t("load.loudest")}</h2></header><table><thead><tr><th>${t("story.place")}</th><th>${t("warnings.hazard")}</th><th>${t("load.messages")}</th><th>${t("load.rises")}</th></tr></thead><tbody>${load.loudest.map((one) => html`<tr><${Place} thread=${one.thread} /><td class="num">${one.messages}</td><td class="num">${one.rises}</td></tr>`)}</tbody></table>
      ${load.chattering.length > 0 && html`<h3>${t("load.chattering")}</h3><table><thead><tr><th>${t("story.place")}</th><th>${t("warnings.hazard")}</th><th>${t("load.hour")}</th></tr></thead><tbody>${load.chattering.map((one) => html`<tr><${Place} thread=${one.thread} /><td class="num">${one.rises_an_hour}</td></tr>`)}</tbody></table>`}</section>
    <section class="panel"><header><h2>${t("load.people")}</h2></header><table><thead><tr><th>${t("told.who")}</th><th>${t("load.messages")}</th></tr></thead><tbody>${load.people.map((one) => html`<tr><td>${named(one.name)}</td><td class="num">${one.messages}</td></tr>`)}</tbody></table></section></div></div>`;
}
function Place({ thread }) {
  const [hazard, asset] = thread.split("--");
  const site = live.district.sites.find((one) => one.asset === asset);
  return html`<td>${site ? html`<a href=${`/sites/${site.id}`}>${named(site.name)}</a>` : asset}</td><td>${named(live.district.hazards[hazard])}</td>`;
}
