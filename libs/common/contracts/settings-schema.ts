import { z } from "zod";

import { settings } from "./settings.ts";

/** The settings file as a JSON schema, for editors; what schemas cannot say is said by `config check`. */
export function settingsJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(settings, {
    io: "input",
    target: "draft-7",
    unrepresentable: "any",
  });
  return {
    $schema,
    title: "slipway.yaml",
    description: "The settings of Slipway's services.",
    ...schema,
  };
}

/** As it is published. */
export function settingsSchemaText(): string {
  return `${JSON.stringify(settingsJsonSchema(), null, 2)}\n`;
}
