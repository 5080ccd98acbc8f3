/** Waits; rejects with the signal's reason when that fires before. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const stop = (): void => {
    clearTimeout(timer);
    reject(signal?.reason as Error);
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    await promise;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
