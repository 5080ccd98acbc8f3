// What the image's HEALTHCHECK runs: ready is who answers /readyz with 200.
const { SLIPWAY_OPS_HOST: host = "127.0.0.1", SLIPWAY_OPS_PORT: port = "9090" } = process.env;
const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
try {
  const answer = await fetch(`http://${name}:${port}/readyz`, { signal: AbortSignal.timeout(2_500) });
  process.stdout.write(`${await answer.text()}\n`);
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`nobody answers: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
