import { Argument, type Command } from "commander";

import type { Overlay } from "../install/fill.ts";
import { usageProblem } from "../problem.ts";
import { version } from "../version.ts";

import type { CommandDeps } from "./common.ts";

interface InstallFlags {
  readonly image: string;
  readonly config: string;
  readonly namespace: string;
  readonly certs: string;
  readonly secrets?: string;
  readonly withoutSecrets?: true;
}

/** `install`: prints what Kubernetes is given, with settings and secrets filled in. */
export function addInstall(program: Command, { io }: CommandDeps): void {
  program
    .command("install")
    .addArgument(
      new Argument("[overlay]", "small: its own Postgres and Redis; production: yours, and replicas")
        .choices(["small", "production"])
        .default("small"),
    )
    .summary("print the installation for Kubernetes, filled in")
    .description(
      "Prints every object of an installation, as k8s/overlays has them, with your image, settings and secrets: for kubectl apply -f -. Asks nobody and writes nothing. Passwords come from the environment: POSTGRES_PASSWORD and REDIS_PASSWORD for small, DATABASE_URL and REDIS_URL for production, SLIPWAY_ADMIN_TOKEN for both. In the settings, name secrets as /etc/slipway/secrets/NAME.",
    )
    .option("--image <ref>", "the image of Slipway", `slipway:${version}`)
    .option("--config <file>", "the settings", "slipway.yaml")
    .option("--namespace <name>", "where it is installed", "slipway")
    .option("--certs <folder>", "what slipway certs wrote", "certs")
    .option("--secrets <folder>", "files for /etc/slipway/secrets: tokens, passwords, kubeconfigs")
    .option("--without-secrets", "leave the Secrets out: they come from elsewhere")
    .addHelpText(
      "after",
      "\nExamples:\n  slipway certs && slipway install --image registry.example.com/slipway:0.1.0 --secrets secrets | kubectl apply -f -\n  slipway install production --without-secrets > slipway-objects.yaml",
    )
    .action(async (overlay: Overlay, flags: InstallFlags) => {
      if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(flags.namespace)) {
        throw usageProblem("--namespace must be a lower-case DNS label");
      }
      // Loaded here alone: nothing else of the command line needs the manifests.
      const { fillOverlay } = await import("../install/fill.ts");
      const { readSecrets, readSettingsText } = await import("../install/read-parts.ts");
      const settings = await readSettingsText(io, flags.config);
      const { image, namespace, certs } = flags;
      const secrets =
        flags.withoutSecrets === true
          ? undefined
          : await readSecrets(io, { overlay, certs, files: flags.secrets });
      io.outRaw(
        fillOverlay({ overlay, namespace, image, settings, ...(secrets !== undefined && { secrets }) }),
      );
    });
}
