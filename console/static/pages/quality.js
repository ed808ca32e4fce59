// The data-quality report of a day.
import { html, useState } from "../vendor/htm-preact-3.1.1.js";
import { ask } from "../api.js";
import { day, maybe, named, t } from "../words.js";
import { live, nowMs, useLive } from "../live.js";
import { Loading, useAsked } from "../parts.js";

const percent = (share) => `${(100 * share).toFixed(share > 0.995 && share < 1 ? 1 : 0)} %`;
const Meter = ({ share }) => html`<div class="row"><div class="meter" aria-hidden="true"><span style=${{ width: `${100 * share}%` }}></span></div><span class="num">${percent(share)}</span></div>`;
export default function Quality() {
  useLive();
  const [asked, setAsked] = useState(day(nowMs()));
  const found = useAsked(() => ask(`quality?day=${asked}`), [asked]);
  return html`<section class="panel"><header><h1>${t("page.quality")}</h1><label class="row">${t("quality.day")}<input type="date" value=${asked} onChange=${(event) => event.target.value && setAsked(event.target.value)} /></label></header>
    ${found.value ? html`<div class="scroll"><table><thead><tr><th>${t("story.place")}</th><th>${t("quality.complete")}</th><th>${t("quality.share")}</th><th>${t("quality.corrected")}</th><th>${t("quality.points")}</th></tr></thead><tbody>
      ${found.value.sites.map((site) => html`<tr key=${site.site}><td><a href=${`/sites/${site.site}`}>${named(live.district.sites.find((one) => one.id === site.site)?.name)}</a></td><td><${Meter} share=${site.completeness} /></td><td><${Meter} share=${site.good_share} /></td><td class="num">${Object.entries(site.corrections).map(([method, n]) => `${method} ${n}`).join(", ") || "–"}</td>
      <td><details><summary>${t("quality.n-points", { n: site.points.length })}</summary><table><thead><tr><th>${t("quality.point")}</th><th>${t("quality.heard")}</th><th>${t("quality.good")}</th><th>${t("quality.uncertain")}</th><th>${t("quality.bad")}</th></tr></thead><tbody>${site.points.map((point) => html`<tr><td>${maybe(`point.${point.point}`, point.point)} <span class="mono muted">${point.device}</span></td><td class="num">${point.heard} / ${point.due}</td><td class="num">${point.good}</td><td class="num">${point.uncertain}</td><td class="num">${point.bad}</td></tr>`)}</tbody></table></details></td></tr>`)}
    </tbody></table></div><p class="row"><a href="/api/v1/catalogue" target="_blank">${t("quality.catalogue")}</a></p>` : html`<${Loading} of=${found} />`}</section>`;
}
