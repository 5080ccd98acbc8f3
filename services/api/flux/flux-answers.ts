/** The answers that stock fluxctl 1.25 reads, in its spelling: members are capitalised where Go's are. */

export interface FluxImage {
  /** `repository:tag` as the cluster spells it; "" for none. */
  readonly ID: string;
  readonly Digest?: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly CreatedAt?: string;
  readonly LastFetched?: string;
}

export interface FluxContainer {
  readonly Name: string;
  readonly Current: FluxImage;
  readonly LatestFiltered: FluxImage;
  readonly Available?: readonly FluxImage[];
  readonly AvailableError?: string;
  readonly AvailableImagesCount?: number;
  readonly NewAvailableImagesCount?: number;
  readonly FilteredImagesCount?: number;
  readonly NewFilteredImagesCount?: number;
}

/** Why a workload cannot be changed; "" when it can. */
export type FluxReadOnly = "" | "NotInRepo" | "NotReady" | "ReadOnlyMode";

export interface FluxService {
  readonly ID: string;
  readonly Containers: readonly FluxContainer[];
  readonly ReadOnly: FluxReadOnly;
  readonly Status: "ready" | "updating" | "error" | "unknown";
  readonly Rollout: {
    readonly Desired: number;
    readonly Updated: number;
    readonly Ready: number;
    readonly Available: number;
    readonly Outdated: number;
    /** null, never an empty list: `--watch` takes any list for trouble. */
    readonly Messages: readonly string[] | null;
  };
  readonly SyncError: string;
  readonly Antecedent: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Automated: boolean;
  readonly Locked: boolean;
  readonly Ignore: boolean;
  readonly Policies: Readonly<Record<string, string>>;
}

export interface FluxServiceImages {
  readonly ID: string;
  readonly Containers: readonly FluxContainer[];
}

export type FluxResultStatus = "success" | "failed" | "skipped" | "ignored" | "unknown";

export interface FluxContainerUpdate {
  readonly Container: string;
  readonly Current: string;
  readonly Target: string;
}

export interface FluxResult {
  readonly Status: FluxResultStatus;
  readonly Error?: string;
  readonly PerContainer: readonly FluxContainerUpdate[] | null;
}

export interface FluxJobStatus {
  readonly Result: {
    /** 40 digits; absent when nothing was committed (fluxctl panics at fewer than 7). */
    readonly revision?: string;
    readonly result?: Readonly<Record<string, FluxResult>>;
  };
  readonly Err: string;
  readonly StatusString: "queued" | "running" | "failed" | "succeeded";
}

export interface FluxGitConfig {
  readonly remote: { readonly url: string; readonly branch: string; readonly path: string };
  readonly publicSSHKey: { readonly key: string; readonly fingerprints: FluxFingerprints | null };
  readonly status: "ready" | "unreachable" | "new";
  readonly errors: string;
}

export interface FluxFingerprints {
  readonly md5: FluxFingerprint;
  readonly sha256: FluxFingerprint;
}

export interface FluxFingerprint {
  readonly hash: string;
  readonly randomart: string;
}
