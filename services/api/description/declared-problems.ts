import type { z } from "zod";

import { problem } from "#common/contracts/http.ts";
import { operations } from "#common/contracts/operations.ts";
import type { Operation, OperationName } from "#common/contracts/operations.ts";

import { problemType } from "../problem.ts";

const always = { 400: "Not understood", 408: "The request came too slowly", 431: "Too many headers" };
const limited = { 429: "Too many requests", 500: "A fault of ours", 503: "Not possible now" };
const known = { 401: "No valid token", 403: "Not allowed" };
const named = { 404: "Not there" };
const asking = { 504: "A part that was asked did not answer in time" };
const writing = { 409: "Not as things are", 413: "Too large" };

/** What an operation may refuse with, by status: each a Problem. */
export function declaredProblems(name: OperationName): Record<number, ReturnType<typeof answer>> {
  const { method, path, role }: Operation = operations[name];
  const isOpen = role === "public" && method === "GET";
  const words: Record<number, string | undefined> = {
    ...always,
    ...limited,
    ...(role === "public" ? {} : known),
    ...(isOpen ? {} : asking),
    ...(isOpen && !path.includes(":") ? {} : named),
    ...(method === "GET" ? {} : writing),
    // Webhooks prove a secret of their own.
    ...(role === "public" && method !== "GET" ? { 401: "The secret is not proved" } : {}),
  };
  return Object.fromEntries(
    Object.entries(words).map(([status, text]) => [Number(status), answer(text ?? "")]),
  );
}

function answer(description: string): {
  description: string;
  content: Record<string, { schema: z.ZodType }>;
} {
  return { description, content: { [problemType]: { schema: problem } } };
}
