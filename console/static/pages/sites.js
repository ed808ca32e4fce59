// All sites: how they stand and when they were last heard; rows are drawn only where one looks.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { named, span, t } from "../words.js";
import { area, live, nowMs, useClock, useLive } from "../live.js";
import { Badge, rank } from "../parts.js";

const ROW = 44;
export default function Sites() {
  useLive();
  useClock(5000);
  const [sought, setSought] = useState("");
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(700);
  const box = useRef(null);
  useEffect(() => { setHeight(box.current.clientHeight); }, []);
  const state = (id) => live.now?.sites[id] ?? ["normal", null, 0, 0];
  const words = sought.toLowerCase();
  const shown = live.district.sites.filter((site) => !words || `${named(site.name)} ${site.id} ${named(area(site.area)?.name)}`.toLowerCase().includes(words))
    .sort((a, b) => rank(state(b.id)[0]) - rank(state(a.id)[0]) || state(b.id)[2] - state(a.id)[2] || a.id.localeCompare(b.id));
  const first = Math.max(0, Math.floor(top / ROW) - 8);
  const last = Math.min(shown.length, first + Math.ceil(height / ROW) + 16);
  return html`<section class="panel"><header><h1>${t("page.sites")} <span class="muted">${shown.length}</span></h1><input type="search" placeholder=${t("sites.search")} aria-label=${t("sites.search")} value=${sought} onInput=${(event) => setSought(event.target.value)} style=${{ maxWidth: "22rem" }} /></header>
    <div class="list-head"><span>${t("why.level")}</span><span>${t("story.place")}</span><span>${t("sites.kind")}</span><span>${t("sites.area")}</span><span>${t("sites.heard")}</span></div>
    <div class="rows" ref=${box} onScroll=${(event) => setTop(event.target.scrollTop)} tabindex="0" aria-label=${t("page.sites")}><div style=${{ height: `${shown.length * ROW}px`, position: "relative" }}>
      ${shown.slice(first, last).map((site, index) => { const [level, heard, silent, devices] = state(site.id); const quiet = devices > 0 && silent === devices; return html`<a class="list-row" key=${site.id} href=${`/sites/${site.id}`} style=${{ top: `${(first + index) * ROW}px` }}><span>${quiet && level === "normal" ? html`<${Badge} level="offline" />` : html`<${Badge} level=${level} />`}</span><strong>${named(site.name)}</strong><span class="muted">${t(`kind.${site.kind}`)}</span><span class="muted">${named(area(site.area)?.name)}</span><span class="num ${silent ? "waiting" : "muted"}">${heard === null ? t("age.never") : t("span.ago", { span: span(nowMs() - heard) })}${silent ? ` · ${t("site.silent", { n: silent, of: devices })}` : ""}</span></a>`; })}
    </div></div></section>`;
}
