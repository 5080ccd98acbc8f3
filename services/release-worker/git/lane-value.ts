import { checkOid } from "./oid.ts";

export interface LaneValue {
  readonly message: string;
  /** Makes the value unlike any other; hexadecimal. */
  readonly nonce: string;
  readonly at: Date;
  /** The last value, where the lane is kept on a branch: branches only go forward. */
  readonly parent?: string | undefined;
}

const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/** The raw commit object of a lane ref's value: no parent as a rule, the empty tree, a nonce in the message. */
export function laneValueObject({ message, nonce, at, parent }: LaneValue): Buffer {
  const stamp = `Slipway <slipway@localhost> ${Math.floor(at.getTime() / 1000)} +0000`;
  const text = `${message.replaceAll("\0", "").trimEnd()}\n\nNonce: ${nonce}\n`;
  const after = parent === undefined ? "" : `parent ${checkOid(parent)}\n`;
  return Buffer.from(`tree ${emptyTree}\n${after}author ${stamp}\ncommitter ${stamp}\n\n${text}`);
}
