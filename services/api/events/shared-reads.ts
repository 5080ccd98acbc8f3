/** Lets everybody who asks for the same thing at the same moment share one answer. */
export type SharedReads = <T>(key: string, read: () => Promise<T>) => Promise<T>;

/**
 * A read begins after the current turn of the event loop and is then shared no more: whoever asks later
 * gets one that sees what happened until then.
 */
export function createSharedReads(): SharedReads {
  const gathering = new Map<string, Promise<unknown>>();
  return <T>(key: string, read: () => Promise<T>): Promise<T> => {
    const known = gathering.get(key);
    // A key stands for one kind of answer.
    if (known !== undefined) return known as Promise<T>;
    const made = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      gathering.delete(key);
      return read();
    });
    gathering.set(key, made);
    return made;
  };
}
