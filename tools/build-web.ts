import { buildPage } from "./build-page.ts";

/** `npm run build`, the page's part. */
await buildPage({ always: true });
process.stdout.write("web/dist\n");
