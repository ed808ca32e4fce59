// Asks the server; what it refuses becomes an error that says why in the reader's language.
import { language, t } from "./words.js";

export class Refusal extends Error {
  constructor(status, body) {
    super(body?.[language] || body?.en || t("error.status", { status }));
    this.status = status;
    this.code = body?.code || "";
  }
}

let csrf = "";
let turnedAway = () => {};
export const setCsrf = (word) => { csrf = word || ""; };
export const onTurnedAway = (act) => { turnedAway = act; };

export async function ask(path, { method = "GET", body, quiet = false } = {}) {
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && csrf) headers["x-csrf"] = csrf;
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, { method, headers, credentials: "same-origin", body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refusal(0, { zh: t("error.away"), en: t("error.away"), code: "away" });
  }
  const content = (answer.headers.get("content-type") || "").includes("json") ? await answer.json() : await answer.text();
  if (answer.ok) return content;
  if (answer.status === 401 && !quiet) turnedAway();
  if (answer.status === 422) throw new Refusal(422, { zh: t("error.form"), en: t("error.form"), code: "form" });
  throw new Refusal(answer.status, content);
}
export const post = (path, body = {}) => ask(path, { method: "POST", body });
export const newRequest = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
export const path = (...steps) => steps.map(encodeURIComponent).join("/");
