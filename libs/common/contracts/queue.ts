/**
 * The bell. A ticket says "look at X" and nothing else: no payload, no retries, no meaning of
 * its own. The truth is in Postgres; a lost ticket costs at most the workers' own look (2 s).
 */

/** What can be looked at; also the ticket's deduplication id. */
export type Subject = `lane:${string}` | `environment:${string}` | `repository:${string}`;

/** Queue names: one per kind of listener. */
export const queueNames = { worker: "slipway-worker", scanner: "slipway-scanner" } as const;
export type QueueName = (typeof queueNames)[keyof typeof queueNames];

export function laneSubject(laneId: string): Subject {
  return `lane:${laneId}`;
}

export function environmentSubject(name: string): Subject {
  return `environment:${name}`;
}

export function repositorySubject(key: string): Subject {
  return `repository:${key}`;
}
