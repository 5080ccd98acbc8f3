import type { Random } from "./random.ts";

/** Values by a JSON schema, most of them as it wants, some not. */

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
}

const known = [
  "default",
  "watched",
  "sock-shop",
  "deployment",
  "front-end",
  "cart",
  "sock-shop/front-end",
  "sock-shop:deployment/cart",
  "weaveworksdemos/cart:0.3.0",
  "latest",
  "release",
  "30s",
  "2h",
  "true",
  "5f2a9c7",
  "build=https://ci.example.com/1",
  "docker.io",
  "MQ",
  "app=cart",
  "queued",
  "behind",
];

const odd = [
  "",
  " ",
  "..",
  "../../etc/passwd",
  "%00",
  "\0",
  "\u001b[2J\u001b[31m",
  "a\nb",
  "\u202e",
  "\ud800",
  "💥",
  "'; drop table jobs; --",
  "${jndi:x}",
  "<script>alert(1)</script>",
  "__proto__",
  "constructor",

  "-1",
  "0",
  "1e309",
  "NaN",
  "9".repeat(40),
  "a".repeat(300),
  "x".repeat(5_000),
  "*",
  "[",
  "(a+)+$",
  "\\",
  "javascript:alert(1)",
  "2026-13-45T99:99:99Z",
  "null",
  "00000000-0000-7000-8000-000000000000",
];

/** A text as clients send it, or as nobody should. */
export function anyText(random: Random): string {
  return random.chance(0.6) ? random.pick(known) : random.pick(odd);
}

/** A value for a schema; at every level it may be another one instead. */
export function anyValue(
  random: Random,
  schema: unknown,
  within: { schemas: Readonly<Record<string, object>>; depth?: number },
): unknown {
  const { schemas, depth = 0 } = within;
  if (depth > 6 || random.chance(0.04)) return anything(random);
  const one = schema as Schema;
  const inside = (of: unknown): unknown => anyValue(random, of, { schemas, depth: depth + 1 });
  if (one.$ref !== undefined) return inside(schemas[one.$ref.split("/").at(-1) ?? ""] ?? {});
  const forms = one.anyOf ?? one.oneOf;
  if (forms !== undefined) return inside(random.pick(forms));
  if (one.enum !== undefined) return random.pick(one.enum);
  if (one.const !== undefined) return one.const;
  switch (one.type) {
    case "string":
      return anyText(random);
    case "integer":
    case "number":
      return random.pick([one.minimum ?? 0, one.maximum ?? 100, 1, 17, -1, 2 ** 53, 0.5]);
    case "boolean":
      return random.chance(0.5);
    case "array":
      return Array.from({ length: random.below(4) }, () => inside(one.items ?? {}));
    case "object":
      return anyObject(random, one, inside);
    default:
      return anything(random);
  }
}

function anyObject(random: Random, schema: Schema, inside: (of: unknown) => unknown): object {
  const required = new Set(schema.required ?? []);
  const entries = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const isThere = required.has(name) ? !random.chance(0.05) : random.chance(0.35);
    return isThere ? [[name, inside(property)] as const] : [];
  });
  const isOpen = typeof schema.additionalProperties === "object";
  const free = isOpen && random.chance(0.5) ? [[anyText(random), inside(schema.additionalProperties)]] : [];
  const surplus = random.chance(0.05) ? [[anyText(random), anything(random)]] : [];
  return Object.fromEntries([...entries, ...free, ...surplus]);
}

function anything(random: Random): unknown {
  return random.pick<unknown>([null, true, 0, -1.5, [], {}, [[]], anyText(random), { a: anyText(random) }]);
}
