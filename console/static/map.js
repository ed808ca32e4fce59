// The district on a canvas: areas as they are drawn, sites by level as colour and shape, silent ones hatched.
import { html, useEffect, useRef } from "./vendor/htm-preact-3.1.1.js";
import { clock, named, span, t } from "./words.js";
import { nowMs } from "./live.js";
import { LEVELS, ROMAN, rank } from "./parts.js";
import { need } from "./need.js";

const FEW = 40; // sites whose names all fit on the map
const colour = (name, place = document.documentElement) => getComputedStyle(place).getPropertyValue(name).trim();

function shapes(L) {
  if (L.SiteMark) return;
  L.SiteMark = L.CircleMarker.extend({
    _updatePath() { if (this._renderer._drawing && !this._empty()) drawMark(this._renderer._ctx, this._point, this._radius, this.options); },
  });
}
function drawMark(ctx, { x, y }, r, { level, silent, tint, ink, ground }) {
  ctx.beginPath();
  if (level === "yellow") { ctx.moveTo(x, y - r * 1.15); ctx.lineTo(x + r * 1.1, y + r * 0.8); ctx.lineTo(x - r * 1.1, y + r * 0.8); ctx.closePath(); }
  else if (level === "orange") { ctx.moveTo(x, y - r * 1.2); ctx.lineTo(x + r * 1.2, y); ctx.lineTo(x, y + r * 1.2); ctx.lineTo(x - r * 1.2, y); ctx.closePath(); }
  else if (level === "red") ctx.rect(x - r, y - r, 2 * r, 2 * r);
  else if (silent) ctx.rect(x - r * 0.8, y - r * 0.8, r * 1.6, r * 1.6);
  else ctx.arc(x, y, level === "blue" ? r : r * 0.62, 0, 2 * Math.PI);
  ctx.fillStyle = level === "normal" ? ground : tint;
  ctx.fill();
  if (silent) { // hatched grey, over whatever level stood when it fell silent
    ctx.save();
    ctx.clip();
    ctx.beginPath();
    for (let d = -2 * r; d <= 2 * r; d += 4) { ctx.moveTo(x + d - r, y + r * 1.2); ctx.lineTo(x + d + r, y - r * 1.2); }
    ctx.lineWidth = 1.5;
    ctx.strokeStyle = level === "normal" ? "#7c8994" : ink;
    ctx.stroke();
    ctx.restore();
  }
  ctx.lineWidth = level === "normal" ? 2 : 2.5;
  ctx.strokeStyle = level === "normal" ? "#7c8994" : ink;
  ctx.stroke();
}

export function District({ live, open, chosen = [], controls = true, size = 9, plain = false }) {
  const place = useRef(null);
  const held = useRef(null);
  useEffect(() => {
    let ended = false;
    need("leaflet-1.9.4").then(() => {
      if (ended) return;
      const L = window.L;
      shapes(L);
      const map = L.map(place.current, { preferCanvas: true, zoomControl: controls, attributionControl: false, zoomSnap: 0.25, keyboard: controls });
      const renderer = L.canvas({ padding: 0.2 });
      const style = place.current;
      const areas = new Map();
      for (const area of [...live.district.areas].sort((a, b) => RANKS.indexOf(a.rank) - RANKS.indexOf(b.rank))) {
        const rings = area.polygon.map((ring) => ring.map(([lon, lat]) => [lat, lon]));
        const outline = L.polygon(rings, { renderer, color: colour("--area-line", style), weight: area.rank === "district" ? 2.5 : area.rank === "town" ? 1.6 : 0.7, fillColor: colour("--area", style), fillOpacity: area.rank === "district" ? 1 : 0, interactive: false });
        outline.addTo(map);
        areas.set(area.id, outline);
      }
      const all = L.featureGroup([...areas.values()]);
      if (areas.size) map.fitBounds(all.getBounds(), { padding: [18, 18] });
      const marks = new Map();
      for (const site of live.district.sites) {
        if (!site.at) continue;
        const mark = new L.SiteMark([site.at[1], site.at[0]], { renderer, radius: size, level: "normal", silent: false, tint: "", ink: colour("--ink", style), ground: colour("--panel", style), bubblingMouseEvents: false });
        mark.addTo(map);
        mark.on("click", () => open?.(site.id));
        mark.bindTooltip(() => tip(live, site), { direction: "top", offset: [0, -10], className: "place" });
        marks.set(site.id, mark);
      }
      held.current = { map, marks, areas, style, labels: new Map(), L, names: new Map(live.district.sites.map((site) => [site.id, site.name])) };
      map.on("zoomend resize", update);
      update();
    });
    const watch = new ResizeObserver(() => held.current?.map.invalidateSize());
    watch.observe(place.current);
    return () => { ended = true; watch.disconnect(); held.current?.map.remove(); held.current = null; };
  }, [live.district]);

  function update() {
    const { map, marks, areas, style, labels, L, names } = held.current ?? {};
    if (!map || !live.now) return;
    const affected = new Map();
    for (const one of plain ? [] : live.cases) for (const area of one.areas) if (one.rank > (affected.get(area)?.rank ?? 0)) affected.set(area, one);
    for (const [id, outline] of areas) {
      if (!outline._parts) continue;
      const level = affected.get(id)?.level;
      const picked = chosen.includes(id);
      if (id === live.district.id && !level && !picked) continue;
      const wanted = level ? `${level}` : picked ? "picked" : "";
      if (outline.said === wanted) continue;
      outline.said = wanted;
      outline.setStyle(level || picked ? { fillColor: picked ? colour("--accent", style) : colour(`--${level}`, style), fillOpacity: 0.24 } : { fillOpacity: 0 });
    }
    const few = marks.size <= FEW;
    const shown = [];
    for (const [id, mark] of marks) {
      const [level, , silent, devices] = live.now.sites[id] ?? ["normal", null, 0, 0];
      const quiet = devices > 0 && silent === devices;
      const wanted = `${level}${quiet}`;
      if (mark.said !== wanted) {
        mark.said = wanted;
        Object.assign(mark.options, { level, silent: quiet, tint: colour(`--${level}`, style) });
        mark.redraw();
        if (level !== "normal") mark.bringToFront();
      }
      const loud = few || level !== "normal";
      if (loud) shown.push([id, mark, level, `${level === "normal" ? "" : `${ROMAN[level]} `}${named(names.get(id))}`]);
    }
    const wanted = `${map.getZoom()}|${map.getSize()}|${shown.map(([id, , , text]) => id + text)}`;
    if (held.current.labelled === wanted) return;
    held.current.labelled = wanted;
    labels.forEach((label) => label.remove());
    labels.clear();
    const taken = shown.map(([, mark]) => box(map.latLngToContainerPoint(mark.getLatLng()), size * 2, size * 2, 0, 0));
    const high = parseFloat(getComputedStyle(style).fontSize) * 1.25;
    for (const [id, mark, , text] of shown.sort((a, b) => rank(b[2]) - rank(a[2]))) {
      const at = map.latLngToContainerPoint(mark.getLatLng());
      const wide = [...text].reduce((sum, sign) => sum + (sign.charCodeAt(0) > 0x2e80 ? 1 : 0.58), 1) * high * 0.72;
      const [direction, offset, spot] = SIDES.map(([side, dx, dy, sx, sy]) => [side, [dx * size * 1.4, dy * size * 1.2], box(at, wide, high, sx * (wide / 2 + size * 1.4), sy * (high + size))]).find(([, , place]) => !taken.some((other) => meets(place, other))) ?? [];
      if (!direction) continue; // crowded: the mark's own words still show when pointed at
      taken.push(spot);
      labels.set(id, L.tooltip({ permanent: true, direction, offset, className: "place" }).setLatLng(mark.getLatLng()).setContent(escaped(text)).addTo(map));
    }
  }
  useEffect(() => { if (held.current) update(); });
  return html`<div class="map" ref=${place} role="application" aria-label=${t("map")}></div>`;
}
const SIDES = [["right", 1, 0, 1, 0], ["left", -1, 0, -1, 0], ["bottom", 0, 1, 0, 1], ["top", 0, -1, 0, -1]];
const box = (at, wide, high, dx, dy) => [at.x + dx - wide / 2, at.y + dy - high / 2, at.x + dx + wide / 2, at.y + dy + high / 2];
const meets = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
const RANKS = ["district", "town", "village", "cell"];
const escaped = (text) => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
function tip(live, site) {
  const [level, heard, silent, devices] = live.now?.sites[site.id] ?? ["normal", null, 0, 0];
  const age = heard === null ? t("age.never") : `${clock(heard)} (${span(nowMs() - heard)})`;
  const quiet = silent ? ` · ${t("site.silent", { n: silent, of: devices })}` : "";
  return escaped(`${named(site.name)} · ${t(`level.${level}`)} · ${age}${quiet}`);
}
export const Legend = () => html`<div class="legend" aria-label=${t("legend")}>
  ${LEVELS.map((level) => html`<span class="badge ${level}"><span class="shape" aria-hidden="true">${{ blue: "●", yellow: "▲", orange: "◆", red: "■" }[level]}</span>${ROMAN[level]} ${t(`level.${level}`)}</span>`)}
  <span class="badge offline">${t("level.offline")}</span></div>`;
