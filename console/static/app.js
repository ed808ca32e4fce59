// The whole site: who is signed in, which page the address means, and what every page carries.
import { html, render, useEffect, useState } from "./vendor/htm-preact-3.1.1.js";
import { ask, onTurnedAway, setCsrf } from "./api.js";
import { clock, language, loadWords, named, setZone, span, speak, t } from "./words.js";
import { begin, live, nowMs, stop, useClock, useLive, useNews } from "./live.js";
import { headline, say } from "./parts.js";
import { mute, muted, sound, unlock, unlocked } from "./sound.js";

// Each page is fetched when it is first asked for.
const PAGES = [
  [/^\/$/, () => import("./pages/overview.js"), "overview", "see"],
  [/^\/warnings$/, () => import("./pages/warnings.js"), "warnings", "see"],
  [/^\/warnings\/([^/]+)\/(\d+)$/, () => import("./pages/story.js"), "warnings", "see"],
  [/^\/sites$/, () => import("./pages/sites.js"), "sites", "see"],
  [/^\/sites\/([^/]+)$/, () => import("./pages/site.js"), "sites", "see"],
  [/^\/rules$/, () => import("./pages/rules.js"), "rules", "see"],
  [/^\/people$/, () => import("./pages/people.js"), "people", "see"],
  [/^\/gateways$/, () => import("./pages/gateways.js"), "gateways", "see"],
  [/^\/quality$/, () => import("./pages/quality.js"), "quality", "see"],
  [/^\/load$/, () => import("./pages/load.js"), "load", "see"],
  [/^\/accounts$/, () => import("./pages/accounts.js"), "accounts", "accounts"],
  [/^\/rights$/, () => import("./pages/rights.js"), "rights", "rights"],
  [/^\/audit$/, () => import("./pages/audit.js"), "audit", "audit"],
];
const MENU = [["/", "overview"], ["/warnings", "warnings"], ["/sites", "sites"], ["/rules", "rules"], ["/people", "people"], ["/gateways", "gateways"], ["/quality", "quality"], ["/load", "load"], ["/accounts", "accounts"], ["/rights", "rights"], ["/audit", "audit"]];
const OWN_SCREEN = [[/^\/wall$/, () => import("./pages/wall.js")], [/^\/m(?:\/(.*))?$/, () => import("./pages/phone.js")]];
const OPEN = [[/^\/begin$/, () => import("./pages/begin.js")], [/^\/invitation$/, () => import("./pages/invitation.js")]];

let again = () => {};
export function go(address) { history.pushState(null, "", address); again(); window.scrollTo(0, 0); document.querySelector("main")?.focus(); }
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/']");
  if (!link || link.target || link.hasAttribute("download") || event.metaKey || event.ctrlKey || event.shiftKey || link.pathname.startsWith("/api/")) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});

function Site() {
  const [me, setMe] = useState(undefined); // undefined: not asked yet; null: nobody
  const [, turn] = useState(0);
  again = () => turn((n) => n + 1);
  useEffect(() => {
    window.addEventListener("popstate", again);
    onTurnedAway(() => { stop(); setMe(null); });
    const open = OPEN.some(([pattern]) => pattern.test(location.pathname)) || /^\/m\/./.test(location.pathname) || (location.pathname === "/wall" && location.hash);
    if (open) setMe(null);
    else ask("session", { quiet: true }).then(enter, () => setMe(null));
  }, []);
  async function enter(who) {
    setCsrf(who.csrf);
    if (who.deeds.includes("see")) { await begin(); setZone(live.district.timezone); }
    setMe(who);
  }
  if (me === undefined) return html`<p class="empty">${t("loading")}</p>`;
  const address = location.pathname;
  for (const [pattern, load] of OPEN) if (pattern.test(address)) return html`<${Later} load=${load} key=${address} onEnter=${enter} />`;
  for (const [pattern, load] of OWN_SCREEN) {
    const match = address.match(pattern);
    if (match && (me || match[1] || location.hash)) return html`<${Later} load=${load} key=${address} me=${me} rest=${match[1] ?? ""} onEnter=${enter} />`;
  }
  if (!me || me.enrol) return html`<${Later} load=${() => import("./pages/login.js")} key="login${me ? "2" : ""}" me=${me} onEnter=${enter} />`;
  return html`<${Shell} me=${me} onLeave=${() => { stop(); setMe(null); go("/"); }} onTongue=${again} />`;
}

// What `load` brings, once it is there.
function Later({ load, ...rest }) {
  const [page, setPage] = useState(null);
  useEffect(() => { load().then((module) => setPage(() => module.default), (error) => setPage(() => () => html`<p class="note bad">${String(error)}</p>`)); }, []);
  return page ? html`<${page} ...${rest} />` : html`<p class="empty">${t("loading")}</p>`;
}

function Shell({ me, onLeave, onTongue }) {
  useLive();
  const address = location.pathname;
  const seen = PAGES.filter(([, , , deed]) => me.deeds.includes(deed)).map(([, , name]) => name);
  const found = PAGES.map((page) => [address.match(page[0]), page]).find(([match, page]) => match && me.deeds.includes(page[3]));
  const home = MENU.find(([, name]) => seen.includes(name));
  useEffect(() => { if (!found && home) go(home[0]); });
  const [match, page] = found ?? [];
  useEffect(() => { if (page) document.title = `${t(`page.${page[2]}`)} · ${live.district ? named(live.district.name) : "Tocsin"}`; });
  const swap = async () => { await speak(language === "zh" ? "en" : "zh"); onTongue(); };
  return html`
    <header class="top">
      <a class="brand" href="/"><img src="/static/icon.svg" alt="" />${live.district ? named(live.district.name) : "Tocsin"}</a>
      <nav aria-label=${t("menu")}>${MENU.filter(([, name]) => seen.includes(name)).map(([to, name]) => html`<a href=${to} aria-current=${page?.[2] === name ? "page" : null}>${t(`page.${name}`)}</a>`)}</nav>
      <span class="grow"></span>
      ${live.now && html`<${Clock} />`}
      ${me.deeds.includes("see") && html`<${Ears} />`}
      <button type="button" onClick=${swap} lang=${language === "zh" ? "en" : "zh-CN"}>${language === "zh" ? "English" : "中文"}</button>
      <${Who} me=${me} onLeave=${onLeave} />
    </header>
    ${live.lost && html`<div class="lost" role="alert">${t("lost")}</div>`}
    <main tabindex="-1">${page && html`<${Later} load=${page[1]} key=${`${page[2]}${address}${language}`} me=${me} steps=${match.slice(1).map(decodeURIComponent)} />`}</main>`;
}

function Clock() {
  const now = useClock(1000);
  const heard = Math.max(...Object.values(live.now.sites).map((site) => site[1] ?? 0));
  return html`<span><span class="clock">${clock(now)}</span> <span class="age">${heard > 0 ? t("age.newest", { span: span(now - heard) }) : t("age.never")}</span></span>`;
}

// Announces each new warning to ears and to screen readers.
function Ears() {
  const [, turn] = useState(0);
  useNews((entry) => {
    if (entry.kind !== "warning" || !["alert", "update"].includes(entry.body.kind)) return;
    sound(entry.body.level);
    say(entry.body.headline?.[language] ?? "");
  }, []);
  useEffect(() => {
    const hear = (event) => {
      if (event.target.closest("input, textarea, select, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "m") { mute(300000); say(t("sound.muted")); turn((n) => n + 1); }
    };
    document.addEventListener("keydown", hear);
    return () => document.removeEventListener("keydown", hear);
  }, []);
  const state = !unlocked() ? "off" : muted() ? "muted" : "on";
  return html`<button type="button" onClick=${async () => { await unlock(); turn((n) => n + 1); sound("blue"); }} title=${t(`sound.${state}.help`)}>${t(`sound.${state}`)}</button>`;
}

function Who({ me, onLeave }) {
  const leave = async () => { await ask("session", { method: "DELETE" }).catch(() => {}); onLeave(); };
  return html`<button type="button" onClick=${leave} title=${`${me.title} · ${t(`role.${me.role}`)}`}>${t("leave", { name: me.name })}</button>`;
}

await loadWords();
render(html`<${Site} />`, document.getElementById("app"));
export { headline, nowMs };
