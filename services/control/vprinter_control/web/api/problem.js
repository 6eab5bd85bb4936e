// Why a request failed, as the API's problem documents say it.

export class Problem extends Error {
  /** @param {number} status @param {Record<string, any>} body */
  constructor(status, body) {
    super(body.detail || body.title || `the request failed (${status})`);
    this.status = status;
    /** Stable name of the problem. @type {string} */
    this.code = body.code ?? "http_error";
    /** @type {string | null} */
    this.field = body.field ?? null;
    /** @type {string | null} */
    this.hint = body.hint ?? null;
    /** @type {{ field: string, detail: string }[]} */
    this.errors = body.errors ?? [];
  }

  /** The sentence about one field, if it is to blame. @param {string} name */
  about(name) {
    const own = this.errors.find((error) => error.field === name || error.field.startsWith(`${name}.`));
    if (own) return own.detail;
    return this.field === name || this.field?.startsWith(`${name}.`) ? this.message : null;
  }
}

/** Control could not be reached at all. */
export function unreachable() {
  return new Problem(0, {
    code: "unreachable",
    detail: "The server does not answer.",
    hint: "It may be restarting: this page keeps trying. What you changed has not been saved.",
  });
}

/** Anything that was thrown, as a problem. @param {unknown} error @returns {Problem} */
export function asProblem(error) {
  if (error instanceof Problem) return error;
  return new Problem(0, { code: "page_error", detail: String(error), hint: "Reload the page." });
}
