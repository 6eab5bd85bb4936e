import { html } from "../html.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { asProblem } from "../api/problem.js";
import { Brand } from "../components/brand.js";
import { Button } from "../components/button.js";
import { Field, valueOf } from "../components/field.js";
import { ProblemNotice } from "../components/notice.js";
import { signIn } from "../state/session.js";

/** @typedef {import("../api/problem.js").Problem} Problem */

export function LoginPage() {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Sign in · Virtual Printer";
    document.querySelector("input")?.focus();
  }, []);
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await signIn(token);
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
      document.querySelector("input")?.select();
    }
  };
  return html`<main class="login">
    <form class="login-card" onSubmit=${submit}>
      <div class="login-brand"><${Brand} /><h1>Virtual Printer</h1></div>
      <${Field}
        label="Token"
        hint=${html`The first admin token was printed once, when the system started for the first time. Lost it? Start once
          with <code>VPRINTER_ADMIN_TOKEN=…</code> set to a new one.`}
      >
        <input
          type="password"
          name="token"
          autocomplete="current-password"
          required
          value=${token}
          onInput=${(/** @type {Event} */ event) => setToken(valueOf(event))}
        />
      <//>
      <${ProblemNotice} problem=${problem} />
      <${Button} type="submit" kind="primary" disabled=${busy || !token.trim()}>${busy ? "Signing in…" : "Sign in"}<//>
    </form>
  </main>`;
}
