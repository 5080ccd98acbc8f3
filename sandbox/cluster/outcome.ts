/** What becomes of the containers that run an image. */
export type PodOutcome = "ready" | "never-ready" | "crash" | "out-of-memory" | "pull-failure";
