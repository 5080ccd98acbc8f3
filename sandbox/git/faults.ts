export type GitService = "git-receive-pack" | "git-upload-pack";

/** What the host does wrong, once. `cut`: its answer ends in the middle. `redirect`: it names another address. */
export interface Fault {
  /** Before the act: nothing happens. After it: it happened, but the client does not hear so. */
  readonly when: "before" | "after";
  readonly kind: "close" | "503" | "401" | "403" | "hang" | "cut" | "redirect";
  readonly service: GitService;
  /** Which of the service's two requests; without it the first one for "before", the act for "after". */
  readonly at?: "advertisement" | "rpc";
  /** How many fitting requests pass before it; a fetch has two acts: the refs, then the pack. */
  readonly skip?: number;
}

/** One-shot disturbances, taken by the first request they fit. */
export interface Faults {
  failNext(fault: Fault): void;
  /** Runs `action` while the next act of this service is held; the act itself follows, client there or not. */
  beforeNext(service: GitService, action: () => Promise<void>): void;
  take(service: GitService | undefined, at: "advertisement" | "rpc"): Disturbance | undefined;
  clear(): void;
}

export type Disturbance =
  | { readonly type: "fault"; readonly fault: Fault }
  | { readonly type: "action"; readonly action: () => Promise<void> };

interface Waiting {
  readonly service: GitService;
  readonly at: "advertisement" | "rpc";
  readonly disturbance: Disturbance;
  left: number;
}

/** Keeps the disturbances that wait for their request. */
export function createFaults(): Faults {
  let waiting: Waiting[] = [];
  return {
    failNext(fault) {
      const at = fault.at ?? (fault.when === "before" ? "advertisement" : "rpc");
      const disturbance = { type: "fault", fault } as const;
      waiting.push({ service: fault.service, at, left: fault.skip ?? 0, disturbance });
    },
    beforeNext(service, action) {
      waiting.push({ service, at: "rpc", left: 0, disturbance: { type: "action", action } });
    },
    take(service, at) {
      const found = waiting.find((one) => one.service === service && one.at === at);
      if (found !== undefined && found.left > 0) {
        found.left -= 1;
        return undefined;
      }
      waiting = waiting.filter((one) => one !== found);
      return found?.disturbance;
    },
    clear() {
      waiting = [];
    },
  };
}
