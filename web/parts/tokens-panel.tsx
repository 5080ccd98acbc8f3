import { useSignal } from "@preact/signals";

import type { CreatedToken, Token } from "#common/contracts/tokens.ts";
import { roles, scopeText } from "#common/domain/access.ts";
import type { Role } from "#common/domain/access.ts";

import { Ago } from "./ago.tsx";
import { Dialog } from "./dialog.tsx";
import { Empty, Skeleton } from "./empty.tsx";
import { ProblemNote } from "./problem.tsx";
import { TextField } from "./text-field.tsx";
import { useLoaded } from "./use-loaded.ts";
import { useApp } from "../state/app.ts";

/** The tokens there are, a new one, and the end of one. */
export function TokensPanel() {
  const { api } = useApp();
  const { state, reload } = useLoaded(() => api.tokens(false), { on: [], key: "tokens" });
  const making = useSignal(false);
  return (
    <section class="card" aria-labelledby="tokens">
      <header class="section-head">
        <h2 id="tokens">Tokens</h2>
        <button type="button" onClick={() => void (making.value = true)}>
          New token…
        </button>
      </header>
      {state.kind === "loading" ? <Skeleton lines={3} label="Loading tokens" /> : null}
      {state.kind === "failed" ? <ProblemNote error={state.error} onRetry={reload} /> : null}
      {state.kind === "ready" && state.value.length === 0 ? <Empty title="There are no tokens" /> : null}
      {state.kind === "ready" && state.value.length > 0 ? (
        <TokenTable tokens={state.value} onChange={reload} />
      ) : null}
      {making.value ? <NewToken onChange={reload} onClose={() => void (making.value = false)} /> : null}
    </section>
  );
}

function TokenTable({
  tokens,
  onChange,
}: {
  readonly tokens: readonly Token[];
  readonly onChange: () => void;
}) {
  return (
    <table>
      <thead>
        <tr>
          {["Name", "Role", "For", "Used", "Ends"].map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
          <th scope="col">
            <span class="hidden">Revoke</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tokens.map((token) => (
          <tr key={token.id}>
            <th scope="row" dir="auto">
              {token.name} {token.ending === "" ? null : <span class="muted mono">…{token.ending}</span>}
            </th>
            <td>{token.role}</td>
            <td class="muted">{scopeText(token.scope)}</td>
            <td class="nowrap">{token.lastUsedAt === null ? "never" : <Ago at={token.lastUsedAt} />}</td>
            <td class="nowrap">{token.expiresAt === null ? "never" : <Ago at={token.expiresAt} />}</td>
            <td class="number">
              <RevokeButton token={token} onChange={onChange} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function RevokeButton({ token, onChange }: { readonly token: Token; readonly onChange: () => void }) {
  const { api, notice } = useApp();
  const asking = useSignal(false);
  const revoke = async (): Promise<void> => {
    try {
      await api.revokeToken(token.id);
      notice.value = `${token.name} is revoked.`;
    } catch (error) {
      notice.value = error instanceof Error ? error.message : String(error);
    }
    asking.value = false;
    onChange();
  };
  return (
    <>
      <button
        type="button"
        class="small"
        aria-label={`Revoke ${token.name}`}
        onClick={() => void (asking.value = true)}
      >
        Revoke…
      </button>
      {asking.value ? (
        <Dialog title={`Revoke ${token.name}`} onClose={() => void (asking.value = false)}>
          <p>Whoever uses it is refused from now on, and so are tokens that it has made.</p>
          <div class="button-row">
            <button type="button" class="primary" onClick={() => void revoke()}>
              Revoke it
            </button>
            <button type="button" onClick={() => void (asking.value = false)}>
              Leave it
            </button>
          </div>
        </Dialog>
      ) : null}
    </>
  );
}

interface NewTokenProps {
  readonly onChange: () => void;
  readonly onClose: () => void;
}

function NewToken({ onChange, onClose }: NewTokenProps) {
  const { api } = useApp();
  const name = useSignal("");
  const namespaces = useSignal("");
  const role = useSignal<Role>("viewer");
  const made = useSignal<CreatedToken | undefined>(undefined);
  const failure = useSignal<unknown>(undefined);
  const make = async (): Promise<void> => {
    const some = namespaces.value.split(/[\s,]+/).filter((part) => part !== "");
    try {
      const scope = some.length === 0 ? {} : { namespaces: some };
      made.value = await api.createToken({ name: name.value.trim(), role: role.value, scope });
      onChange();
    } catch (error) {
      failure.value = error;
    }
  };
  if (made.value !== undefined) return <Secret token={made.value} onClose={onClose} />;
  return (
    <Dialog title="New token" onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <TextField
          label="Name, as it stands in jobs and commits"
          value={name}
          required
          autoFocus
          maxLength={100}
        />
        <label class="field">
          <span>Role</span>
          <select
            value={role.value}
            onChange={(event) => void (role.value = event.currentTarget.value as Role)}
          >
            {roles.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <TextField label="Namespaces, with commas (empty: everything)" value={namespaces} />
        {failure.value === undefined ? null : <ProblemNote error={failure.value} />}
        <div class="button-row">
          <button type="submit" class="primary" disabled={name.value.trim() === ""}>
            Make it
          </button>
          <button type="button" onClick={onClose}>
            Leave it
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Secret({ token, onClose }: { readonly token: CreatedToken; readonly onClose: () => void }) {
  return (
    <Dialog title={`The token of ${token.name}`} onClose={onClose}>
      <p>It is shown this once: only its hash is kept.</p>
      <p class="mono break secret">{token.secret}</p>
      <div class="button-row">
        <button type="button" onClick={() => void navigator.clipboard.writeText(token.secret)}>
          Copy
        </button>
        <button type="button" class="primary" onClick={onClose}>
          I have it
        </button>
      </div>
    </Dialog>
  );
}
