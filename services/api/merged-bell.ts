import type { QueueName, Subject } from "#common/contracts/queue.ts";
import type { Bell } from "#common/kit/queue.ts";

/**
 * Rings without making anybody wait. While a ring is on its way, more rings for the same thing are
 * one: it is rung once more after, so that whoever looks then sees all that was stored before.
 */
export function createMergedBell(bell: Pick<Bell, "ring">): (queue: QueueName, subject: Subject) => void {
  const again = new Map<string, boolean>();
  return (queue, subject) => {
    const key = `${queue} ${subject}`;
    const isRinging = again.has(key);
    again.set(key, isRinging);
    if (!isRinging) void ringOut(key, () => bell.ring(queue, subject));
  };

  async function ringOut(key: string, ring: () => Promise<void>): Promise<void> {
    do {
      again.set(key, false);
      await ring();
    } while (again.get(key) === true);
    again.delete(key);
  }
}
