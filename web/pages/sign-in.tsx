import { useState } from "preact/hooks";

import { CliProblem } from "../../cli/problem.ts";
import { Dialog } from "../parts/dialog.tsx";
import { ProblemNote } from "../parts/problem.tsx";
import { useApp } from "../state/app.ts";

/** Asks for a token; `again` over a page whose session has ended, which stays as it is. */
export function SignIn({ again = false }: { readonly again?: boolean }) {
  if (again) {
    return (
      <Dialog title="Your session has ended" onClose={undefined}>
        <p class="muted">Sign in again: the page behind is as you left it, and nothing was sent twice.</p>
        <TokenForm />
      </Dialog>
    );
  }
  return (
    <main class="sign-in" id="main">
      <div class="sign-in-box">
        <svg viewBox="0 0 32 32" width="40" height="40" aria-hidden="true">
          <rect width="32" height="32" rx="7" class="brand-box" />
          <path d="M7 22.5 25 9.5" class="brand-line" />
          <path d="M7 14.5 13.5 9.8M18.5 22.2 25 17.5" class="brand-line faint" />
        </svg>
        <h1>Sign in to Slipway</h1>
        <p class="muted">See what runs, release it, watch it, undo it.</p>
        <TokenForm />
      </div>
    </main>
  );
}

function TokenForm() {
  const { session } = useApp();
  const [error, setError] = useState<unknown>(undefined);
  const [busy, setBusy] = useState(false);
  const [token, setToken] = useState("");
  const submit = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await session.signIn(token.trim());
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  const refused = error instanceof CliProblem && error.parts.status === 401;
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <label class="field">
        <span>Token</span>
        <input
          type="password"
          name="token"
          autoComplete="current-password"
          autoFocus
          required
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
          aria-invalid={refused}
          aria-describedby="token-help"
        />
      </label>
      {refused ? (
        <p class="bad-text" role="alert">
          This token is unknown, expired or revoked.
        </p>
      ) : error === undefined ? null : (
        <ProblemNote error={error} />
      )}
      <button type="submit" class="primary" disabled={busy || token.trim() === ""}>
        {busy ? "Signing in…" : "Sign in"}
      </button>
      <p class="muted small" id="token-help">
        The token of the first start stands in <code>.slipway/admin-token</code>. It is kept in a cookie that
        scripts cannot read, for twelve hours.
      </p>
    </form>
  );
}
