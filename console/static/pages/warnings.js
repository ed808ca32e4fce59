// Every warning ever told, newest first.
import { html, useState } from "../vendor/htm-preact-3.1.1.js";
import { ask } from "../api.js";
import { clock, day, maybe, named, t } from "../words.js";
import { live, useLive } from "../live.js";
import { Badge, Loading, useAsked } from "../parts.js";

export default function Warnings() {
  useLive();
  const [before, setBefore] = useState([2 ** 53]);
  const found = useAsked(() => ask(`stories?limit=60&before=${before.at(-1)}`), [before.at(-1)]);
  const openRefs = new Map(live.cases.map((one) => [one.ref, one]));
  return html`<section class="panel"><header><h1>${t("page.warnings")}</h1></header>
    ${found.value ? html`<div class="scroll"><table><thead><tr><th>${t("why.at")}</th><th>${t("why.level")}</th><th>${t("story.place")}</th><th>${t("warnings.hazard")}</th><th>${t("warnings.message")}</th><th>${t("story.state")}</th></tr></thead><tbody>
      ${found.value.marks.map((mark) => { const [hazard, asset] = mark.thread.split("--"); const site = live.district.sites.find((one) => one.asset === asset); const one = openRefs.get(`${mark.thread}.${mark.episode}`); return html`<tr key=${mark.seq}><td class="num nowrap">${day(mark.at_ms)} ${clock(mark.at_ms)}</td><td><${Badge} level=${mark.level} /></td><td><a href=${`/warnings/${mark.thread}/${mark.episode}`}>${site ? named(site.name) : asset}</a></td><td>${named(live.district.hazards[hazard])}</td><td>${maybe(`message.${mark.kind}`, mark.kind)}</td><td>${one ? t(`warnings.${one.state}`) : html`<span class="muted">${t("case.closed")}</span>`}</td></tr>`; })}
    </tbody></table></div>
    ${found.value.marks.length === 0 && html`<p class="empty">${t("warnings.none")}</p>`}
    <div class="row">${before.length > 1 && html`<button type="button" onClick=${() => setBefore(before.slice(0, -1))}>${t("page.newer")}</button>`}${found.value.next && html`<button type="button" onClick=${() => setBefore([...before, found.value.next])}>${t("page.older")}</button>`}</div>` : html`<${Loading} of=${found} />`}
  </section>`;
}
