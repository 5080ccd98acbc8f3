import { render } from "preact";

import { App } from "./app.tsx";
import { AppContext, createPageApp } from "./state/app.ts";
import "./style/tokens.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/pages.css";

const app = createPageApp();
const root = document.getElementById("page");
if (root !== null) {
  render(
    <AppContext.Provider value={app}>
      <App />
    </AppContext.Provider>,
    root,
  );
}
// A refusal means signed out, which the transport has told; anything else shows as being away.
app.session.start().catch(() => app.session.expire());
