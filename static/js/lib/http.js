// Requests to our own server: CSRF token, JSON answers, refusals as errors with code and message.

/** A refusal of the server: `status`, `code`, `message` in the person's language, `params`. */
export class Refusal extends Error {
  constructor(status, { code = "failed", message = "", params = {} } = {}) {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
    this.params = params;
  }
}

/** The value of one cookie; the CSRF token is in moksori_csrf. */
export function cookie(name, all = document.cookie) {
  for (const part of all.split(";")) {
    const [key, ...value] = part.trim().split("=");
    if (key === name) return decodeURIComponent(value.join("="));
  }
  return "";
}

/** Whose page this is, or "". Where somebody else has signed in since, in another tab, the server refuses: other_person. */
export function person() {
  return globalThis.document?.documentElement.dataset.person ?? "";
}

/**
 * The JSON answer of a request. `body`: FormData as it is, anything else as JSON. Throws Refusal when the server says
 * no (status 0: it could not be reached).
 */
export async function request(method, url, body, { signal } = {}) {
  const headers = { Accept: "application/json", "X-CSRFToken": cookie("moksori_csrf"), "X-Person": person() };
  if (body !== undefined && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(url, { method, headers, body, signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, { code: "unreachable" });
  }
  const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
  const answer = isJson ? await response.json().catch(() => null) : null; // cut off on the way
  if (!response.ok || (isJson && answer === null)) throw new Refusal(response.status, answer ?? {});
  return answer;
}

export const get = (url, options) => request("GET", url, undefined, options);
export const post = (url, body, options) => request("POST", url, body, options);
