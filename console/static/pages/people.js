// People, and on the map who would be told of a warning before it happens.
import { html, useEffect, useState } from "../vendor/htm-preact-3.1.1.js";
import { ask, path } from "../api.js";
import { maybe, list, named, span, t } from "../words.js";
import { area, live, useLive } from "../live.js";
import { District } from "../map.js";
import { Badge, LEVELS, Loading, useAsked } from "../parts.js";

export default function People() {
  useLive();
  const found = useAsked(() => ask("people"), []);
  const [site, setSite] = useState(live.district.sites[0]?.id ?? "");
  const [hazard, setHazard] = useState("flood");
  const [level, setLevel] = useState("red");
  const told = useAsked(() => ask(`preview?site=${path(site)}&hazard=${hazard}&level=${level}`), [site, hazard, level]);
  const role = (id) => named(found.value?.roles[id]) || id;
  return html`<div class="stack"><h1>${t("page.people")}</h1>
    <section class="panel"><header><h2>${t("preview.title")}</h2></header>
      <div class="three"><label>${t("story.place")}<select value=${site} onChange=${(event) => setSite(event.target.value)}>${live.district.sites.map((one) => html`<option value=${one.id}>${named(one.name)}</option>`)}</select></label>
      <label>${t("warnings.hazard")}<select value=${hazard} onChange=${(event) => setHazard(event.target.value)}>${Object.entries(live.district.hazards).map(([id, name]) => html`<option value=${id}>${named(name)}</option>`)}</select></label>
      <label>${t("why.level")}<select value=${level} onChange=${(event) => setLevel(event.target.value)}>${LEVELS.map((one) => html`<option value=${one}>${t(`level.${one}`)}</option>`)}</select></label></div>
      <div class="two"><div class="map-box"><${District} live=${live} plain chosen=${told.value?.areas ?? []} open=${setSite} /></div>
      <div>${told.wrong ? html`<p class="note bad">${told.wrong}</p>` : html`<p><${Badge} level=${level} /> <strong>${t("preview.told", { n: told.value?.people.length ?? 0 })}</strong></p>
        ${told.value?.widened.length > 0 && html`<p class="note">${t("told.widened", { areas: list(told.value.widened.map((id) => named(area(id)?.name))) })}</p>`}
        <div class="scroll"><table><thead><tr><th>${t("told.who")}</th><th>${t("people.as")}</th><th>${t("sites.area")}</th><th>${t("told.channel")}</th></tr></thead><tbody>${(told.value?.people ?? []).map((one) => html`<tr key=${one.person}><td><strong>${named(one.name)}</strong></td><td>${role(one.role)}</td><td>${named(area(one.area)?.name)}</td><td>${one.via.map((name) => maybe(`channel.${name}`, name)).join(" › ")}</td></tr>`)}</tbody></table></div>`}</div></div>
    </section>
    ${found.value ? html`<section class="panel"><header><h2>${t("people.all")}</h2></header><div class="scroll"><table><thead><tr><th>${t("told.who")}</th><th>${t("people.as")}</th><th>${t("told.channel")}</th></tr></thead><tbody>${found.value.people.map((one) => html`<tr key=${one.id}><td><strong>${named(one.name)}</strong> <span class="mono muted">${one.id}</span></td><td>${one.roles.map((held) => html`<div>${role(held.role)} · ${named(area(held.area)?.name)}</div>`)}</td><td>${list(one.channels.map((name) => maybe(`channel.${name}`, name)))}</td></tr>`)}</tbody></table></div></section>
    <section class="panel"><header><h2>${t("people.routes")}</h2></header><div class="scroll"><table><thead><tr><th>${t("why.level")}</th><th>${t("warnings.hazard")}</th><th>${t("people.to")}</th><th>${t("told.channel")}</th><th>${t("people.escalate")}</th></tr></thead><tbody>${found.value.routes.map((one) => html`<tr><td>${one.levels.map((name) => html`<${Badge} level=${name} /> `)}</td><td>${one.hazards ? list(one.hazards.map((id) => named(live.district.hazards[id]))) : t("people.every")}</td><td>${list(one.to.map(role))}</td><td>${one.via.map((name) => maybe(`channel.${name}`, name)).join(" › ")}</td><td>${one.escalate.map((step) => html`<div>${span(step.after_s * 1000)} → ${list(step.to.map(role))}</div>`)}</td></tr>`)}</tbody></table></div></section>` : html`<${Loading} of=${found} />`}
  </div>`;
}
export { useEffect };
