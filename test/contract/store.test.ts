import { hasPostgres, startPostgres } from "#support/postgres.ts";

import { storeContract } from "./store.contract.ts";

for (const kind of ["system", "npm"] as const) {
  if (hasPostgres(kind)) storeContract(`the store on Postgres (${kind})`, () => startPostgres(kind));
}
