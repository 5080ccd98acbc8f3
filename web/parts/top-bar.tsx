import { spanText } from "../core/format.ts";
import { rolesText } from "../core/rights.ts";
import { useApp } from "../state/app.ts";
import { Icon } from "./icon.tsx";
import { ThemeButton } from "./theme-button.tsx";

const places = [
  { to: "/", name: "Workloads", pages: ["workloads", "workload", "release"] },
  { to: "/jobs", name: "Jobs", pages: ["jobs", "job"] },
  { to: "/environments", name: "Environments", pages: ["environments"] },
] as const;

/** Where one is, in which environment, whether what is seen is live, and who one is. */
export function TopBar() {
  const { router, session } = useApp();
  const here = router.route.value.page;
  const who = session.last.value;
  return (
    <header class="top">
      <a class="brand" href="/">
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <rect width="32" height="32" rx="7" class="brand-box" />
          <path d="M7 22.5 25 9.5" class="brand-line" />
          <path d="M7 14.5 13.5 9.8M18.5 22.2 25 17.5" class="brand-line faint" />
        </svg>
        <span>Slipway</span>
      </a>
      <nav aria-label="Main">
        {places.map(({ to, name, pages }) => (
          <a
            key={to}
            href={to}
            {...((pages as readonly string[]).includes(here) ? { "aria-current": "page" as const } : {})}
          >
            {name}
          </a>
        ))}
      </nav>
      <div class="top-end">
        <EnvironmentChoice />
        <LiveSign />
        <ThemeButton />
        {who === undefined ? null : (
          <span class="who" title={`Signed in as ${who.name}, ${rolesText(who)}`}>
            <span class="who-name" dir="auto">
              {who.name}
            </span>
            <button
              type="button"
              class="quiet icon-only"
              onClick={() => void session.signOut()}
              aria-label="Sign out"
              title="Sign out"
            >
              <Icon name="exit" />
            </button>
          </span>
        )}
      </div>
    </header>
  );
}

function EnvironmentChoice() {
  const { environments } = useApp();
  const all = environments.all.value ?? [];
  if (all.length < 2) return null;
  return (
    <select
      aria-label="Environment"
      value={environments.chosen.value?.name}
      onChange={(event) => environments.choose(event.currentTarget.value)}
    >
      {all.map(({ name }) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

function LiveSign() {
  const { live, clock } = useApp();
  const state = live.state.value;
  void clock.now.value;
  const cutAt = live.cutAtMs.value;
  const since = cutAt === undefined ? "" : ` ${spanText(performance.now() - cutAt)}`;
  const words = { connecting: "Connecting", live: "Live", offline: `Offline${since}` };
  return (
    <span class={`live ${state}`} role="status" title="Whether changes arrive as they happen">
      <span class="live-dot" aria-hidden="true" />
      <span class="live-word">{words[state]}</span>
    </span>
  );
}
