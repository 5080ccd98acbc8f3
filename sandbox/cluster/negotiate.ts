import { StatusError } from "./errors.ts";
import type { JsonObject } from "./json.ts";
import type { KubeObject } from "./object.ts";

/** How the client wants objects: whole, or their metadata alone. */
export type Shape = "object" | "metadata";

/** The first form in an Accept header that the server can give. */
export function acceptedShape(accept: string | undefined): Shape {
  const choices = (accept ?? "*/*").split(",").map((choice) =>
    choice
      .trim()
      .split(";")
      .map((part) => part.trim()),
  );
  for (const [type = "", ...parameters] of choices) {
    if (!["application/json", "application/*", "*/*"].includes(type)) continue;
    const as = parameters.find((parameter) => parameter.startsWith("as="))?.slice(3);
    if (as === undefined) return "object";
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return "metadata";
  }
  const known = "application/json, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
  throw new StatusError(406, `only the following media types are accepted: ${known}`, {
    reason: "NotAcceptable",
  });
}

/** Whether the client asks for aggregated discovery. */
export function wantsAggregated(accept: string | undefined): boolean {
  return (accept ?? "").includes("as=APIGroupDiscoveryList") && (accept ?? "").includes("v=v2");
}

/** The object in the wanted form. */
export function shaped(object: KubeObject, shape: Shape): JsonObject {
  if (shape === "object") return object;
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}
