// A series with its limits: lines at each limit, bands above them, doubtful readings marked.
import { html, useEffect, useRef, useState } from "./vendor/htm-preact-3.1.1.js";
import { ask, path } from "./api.js";
import { figure, maybe, t, unit, zoneName } from "./words.js";
import { nowMs } from "./live.js";
import { need } from "./need.js";
import { ROMAN, rank } from "./parts.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const LOOK_EVERY_MS = 4000;
const MOST = 1500; // points of a plot: more are summed up

export function Series({ plot, hours = 12, until = null, height = 280, mark = null }) {
  const place = useRef(null);
  const held = useRef(null);
  const [empty, setEmpty] = useState(false);
  useEffect(() => {
    let ended = false;
    const draw = async () => {
      await need("uplot-1.6.32");
      if (ended) return;
      const to = Math.round(until ?? nowMs());
      const data = await read(plot, to - hours * 3600000, to + 1);
      if (ended || !place.current) return;
      setEmpty(data.at.length === 0);
      const limits = plot.limits.filter((one, index, all) => all.findIndex((other) => other.level === one.level && other.limit === one.limit) === index);
      const columns = [data.at, data.values, data.doubts];
      if (held.current) { held.current.limits = limits; held.current.chart.setData(columns); return; }
      held.current = { limits };
      held.current.chart = new window.uPlot(options(plot, place.current.clientWidth, height, held.current, mark, data.summed), columns, place.current);
    };
    draw().catch(() => {});
    const timer = until === null ? setInterval(() => draw().catch(() => {}), LOOK_EVERY_MS) : null;
    const watch = new ResizeObserver(() => held.current?.chart?.setSize({ width: place.current.clientWidth, height }));
    watch.observe(place.current);
    return () => { ended = true; clearInterval(timer); watch.disconnect(); held.current?.chart?.destroy(); held.current = null; };
  }, [plot.device, plot.point, hours, until, JSON.stringify(plot.limits)]);
  return html`<div class="plot" ref=${place} role="img" aria-label=${`${plot.point} ${plot.limits.map((one) => `${t(`level.${one.level}`)} ${one.limit}`).join(", ")}`}>${empty && html`<p class="empty">${t("plot.empty")}</p>`}</div>`;
}

async function read(plot, from, to) {
  const asked = `series/${path(plot.device, plot.point)}/history?from_ms=${Math.max(0, Math.round(from))}&to_ms=${Math.round(to)}`;
  if (plot.counter) { // a counter says something only as what came together
    const step = Math.max(60, Math.round((to - from) / 1000 / 96 / 60) * 60);
    const { buckets } = await ask(`${asked}&step_s=${step}`);
    const rises = buckets.map((bucket, index) => (index ? Math.max(0, bucket[4] - buckets[index - 1][4]) : null));
    return { at: buckets.map((bucket) => bucket[0] / 1000), values: rises, doubts: rises.map(() => null), summed: true };
  }
  const found = await ask(`${asked}&limit=${MOST + 1}`);
  if (found.next === null) {
    const usable = found.rows.filter(([, value]) => value !== null);
    return { at: usable.map((row) => row[0] / 1000), values: usable.map((row) => (row[2].startsWith("bad") ? null : row[1])), doubts: usable.map((row) => (row[2] === "good" ? null : row[1])) };
  }
  const step = Math.max(1, Math.ceil((to - from) / 1000 / MOST));
  const { buckets } = await ask(`${asked}&step_s=${step}`);
  return { at: buckets.map((bucket) => bucket[0] / 1000), values: buckets.map((bucket) => bucket[2]), doubts: buckets.map(() => null) };
}

// Instants by the district's clock, whatever the browser's is.
export const districtDate = (s) => window.uPlot.tzDate(new Date(s * 1000), zoneName());
export const TIMES = [[86400, "{MM}-{DD}", null, null, null, null, null, null, 1], [3600, "{HH}:{mm}", "\n{MM}-{DD}", null, null, null, null, null, 1], [60, "{HH}:{mm}", "\n{MM}-{DD}", null, null, null, null, null, 1], [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1]];

function options(plot, width, height, held, mark, bars) {
  const ink = colour("--ink");
  const quiet = colour("--line");
  const axis = { stroke: colour("--muted"), grid: { stroke: quiet, width: 1 }, ticks: { stroke: quiet, width: 1 }, font: "12px system-ui" };
  return {
    width, height, tzDate: districtDate,
    scales: { x: { time: true }, y: { range: (_, low, high) => around(low, high, held.limits) } },
    axes: [{ ...axis, values: TIMES }, { ...axis, size: 58, values: (_, ticks) => ticks.map(figure) }],
    series: [
      { value: (_, s) => (s === null ? "–" : window.uPlot.fmtDate("{MM}-{DD} {HH}:{mm}:{ss}")(window.uPlot.tzDate(new Date(s * 1000), zoneName()))), label: t("plot.time") },
      { label: `${maybe(`point.${plot.point}`, plot.point)}${unit(plot.unit) ? ` (${unit(plot.unit)})` : ""}`, stroke: colour("--accent"), width: 2, fill: bars ? `${colour("--accent")}55` : undefined, paths: bars ? window.uPlot.paths.bars({ size: [0.8, 40] }) : undefined, points: { show: false }, value: (_, value) => figure(value), spanGaps: false },
      { label: t("plot.doubtful"), stroke: colour("--bad"), paths: () => null, points: { show: true, size: 7, fill: colour("--panel"), stroke: colour("--bad"), width: 2 }, value: (_, value) => figure(value) },
    ],
    legend: { live: true }, cursor: { drag: { x: true, y: false } },
    hooks: { drawClear: [(u) => bands(u, held.limits)], draw: [(u) => lines(u, held.limits, ink, mark)] },
  };
}
function around(low, high, limits) {
  if (low === null) return [0, 1];
  let least = low;
  let most = high;
  const reach = Math.max(high - low, Math.abs(high) * 0.02, 0.001);
  for (const { limit } of limits) if (limit > low - 3 * reach && limit < high + 3 * reach) { least = Math.min(least, limit); most = Math.max(most, limit); }
  const pad = Math.max((most - least) * 0.08, 0.001);
  return [least - pad, most + pad];
}
function bands(u, limits) {
  const { left, top, width, height } = u.bbox;
  const ordered = [...limits].sort((a, b) => rank(a.level) - rank(b.level));
  ordered.forEach((one, index) => {
    const next = ordered[index + 1];
    const begins = u.valToPos(one.limit, "y", true);
    const ends = next ? u.valToPos(next.limit, "y", true) : one.rising ? top : top + height;
    const from = Math.max(top, Math.min(begins, ends));
    const to = Math.min(top + height, Math.max(begins, ends));
    if (to <= from) return;
    u.ctx.save();
    u.ctx.globalAlpha = 0.13;
    u.ctx.fillStyle = colour(`--${one.level}`);
    u.ctx.fillRect(left, from, width, to - from);
    u.ctx.restore();
  });
}
function lines(u, limits, ink, mark) {
  const { left, top, width, height } = u.bbox;
  const ratio = devicePixelRatio;
  u.ctx.save();
  for (const { level, limit } of limits) {
    const y = u.valToPos(limit, "y", true);
    if (y < top || y > top + height) continue;
    u.ctx.strokeStyle = colour(`--${level}`);
    u.ctx.lineWidth = 2 * ratio;
    u.ctx.setLineDash([7 * ratio, 4 * ratio]);
    u.ctx.beginPath();
    u.ctx.moveTo(left, y);
    u.ctx.lineTo(left + width, y);
    u.ctx.stroke();
    u.ctx.setLineDash([]);
    u.ctx.fillStyle = ink;
    u.ctx.font = `600 ${12 * ratio}px system-ui`;
    u.ctx.textAlign = "left";
    u.ctx.fillText(`${ROMAN[level]} ${t(`level.${level}`)} ${figure(limit)}`, left + 6 * ratio, y - 6 * ratio);
  }
  for (const at of mark ?? []) {
    const x = u.valToPos(at / 1000, "x", true);
    if (x < left || x > left + width) continue;
    u.ctx.strokeStyle = ink;
    u.ctx.globalAlpha = 0.45;
    u.ctx.lineWidth = ratio;
    u.ctx.beginPath();
    u.ctx.moveTo(x, top);
    u.ctx.lineTo(x, top + height);
    u.ctx.stroke();
  }
  u.ctx.restore();
}
