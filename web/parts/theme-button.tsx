import { useState } from "preact/hooks";

import { Icon } from "./icon.tsx";

const storageKey = "slipway-theme";
type Theme = "light" | "dark";

/** Light or dark: as the system says until somebody chooses. */
export function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(startTheme);
  const other = theme === "dark" ? "light" : "dark";
  const change = (): void => {
    localStorage.setItem(storageKey, other);
    document.documentElement.dataset["theme"] = other;
    setTheme(other);
  };
  return (
    <button type="button" class="quiet icon-only" onClick={change} aria-label={`Use the ${other} theme`}>
      <Icon name={theme === "dark" ? "sun" : "moon"} />
    </button>
  );
}

function startTheme(): Theme {
  const kept = localStorage.getItem(storageKey);
  if (kept === "light" || kept === "dark") {
    document.documentElement.dataset["theme"] = kept;
    return kept;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
